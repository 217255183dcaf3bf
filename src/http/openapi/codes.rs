//! The codes of problems and of broken rules, as the closed lists they are of.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::error::{Code, Rule};
use crate::http::problem::Refusal;

/// The codes are texts in the types of the bodies: here they become the closed lists they are of.
pub(super) fn close(schemas: &mut Map<String, Value>) {
    let mut problems = variants::<Code>();
    problems.extend(
        Refusal::without_code()
            .iter()
            .map(|refusal| (refusal.code().to_owned(), refusal.detail().to_owned())),
    );
    let lists = [
        (
            "Problem",
            "ProblemCode",
            "What went wrong. The list is closed, and the codes stay the same while texts may change.",
            problems,
        ),
        (
            "BrokenRule",
            "RuleCode",
            "The rule that was broken. The list is closed.",
            variants::<Rule>(),
        ),
    ];
    for (owner, name, says, codes) in lists {
        let names: BTreeSet<_> = codes.keys().collect();
        let list = json!({
            "type": "string",
            "description": says,
            "enum": names,
            "x-enumDescriptions": codes,
        });
        schemas.insert(name.to_owned(), list);
        if let Some(code) = schemas
            .get_mut(owner)
            .and_then(|owner| owner.pointer_mut("/properties/code"))
        {
            *code = json!({"$ref": format!("#/components/schemas/{name}")});
        }
    }
}

/// The names of an enum's variants, and what their comments say.
fn variants<T: JsonSchema>() -> BTreeMap<String, String> {
    let schema = T::json_schema(&mut SchemaSettings::draft2020_12().into_generator());
    let variants = schema.get("oneOf").and_then(Value::as_array);
    variants
        .into_iter()
        .flatten()
        .filter_map(|variant| {
            // A variant that bears a number is an object with one field, which is the variant's name.
            let name = variant
                .get("const")
                .or_else(|| variant.pointer("/required/0"));
            let says = variant.get("description").and_then(Value::as_str);
            Some((
                name?.as_str()?.to_owned(),
                says.unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}
