//! Whole examples, composed of those that the types give for their fields: so that a person looks
//! the same wherever they appear.

use serde_json::{Map, Value, json};

/// Adds an example to whatever in `part` has a schema and no example.
pub(super) fn add(part: &mut Value, definitions: &Map<String, Value>) {
    match part {
        Value::Object(members) => {
            let shown = members.contains_key("example") || members.contains_key("examples");
            let composed = members
                .get("schema")
                .filter(|schema| !shown && schema.is_object())
                .and_then(|schema| compose(schema, definitions));
            if let Some(example) = composed {
                members.insert("example".to_owned(), example);
            }
            for member in members.values_mut() {
                add(member, definitions);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| add(entry, definitions)),
        _ => {}
    }
}

/// A value of the schema, if its fields give one.
fn compose(schema: &Value, definitions: &Map<String, Value>) -> Option<Value> {
    let first = |name: &str| schema.get(name).and_then(|list| list.get(0)).cloned();
    if let Some(example) = first("examples") {
        return Some(example);
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or_default();
        return compose(definitions.get(name)?, definitions);
    }
    if let Some(value) = schema.get("const").cloned().or_else(|| first("enum")) {
        return Some(value);
    }
    if let Some(alternative) = first("anyOf").or_else(|| first("oneOf"))
        && schema.get("properties").is_none()
    {
        return compose(&alternative, definitions);
    }
    let kind = schema.get("type")?;
    let is = |name: &str| kind == name || kind.get(0).is_some_and(|first| first == name);
    if is("object") {
        let properties = schema.get("properties")?.as_object()?;
        let fields = properties
            .iter()
            .filter_map(|(name, field)| Some((name.clone(), compose(field, definitions)?)));
        Some(Value::Object(fields.collect()))
    } else if is("array") {
        let entry = schema
            .get("items")
            .filter(|_| schema.get("maxItems") != Some(&json!(0)))
            .and_then(|items| compose(items, definitions));
        Some(Value::Array(entry.into_iter().collect()))
    } else if is("boolean") {
        Some(json!(false))
    } else if is("integer") {
        Some(schema.get("default").cloned().unwrap_or(json!(0)))
    } else if is("null") {
        Some(Value::Null)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_composed_of_those_of_the_fields() {
        let definitions = json!({
            "Bird": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "examples": ["wren"]},
                    "mate": {"anyOf": [{"$ref": "#/components/schemas/Mate"}, {"type": "null"}]},
                    "eggs": {"type": "integer"},
                    "songs": {"type": "array", "items": {"enum": ["dawn", "dusk"]}},
                }
            },
            "Mate": {"type": ["string", "null"], "examples": ["robin"]},
        });
        let mut answer = json!({"schema": {"$ref": "#/components/schemas/Bird"}});
        add(&mut answer, definitions.as_object().unwrap());
        assert_eq!(
            answer["example"],
            json!({"name": "wren", "mate": "robin", "eggs": 0, "songs": ["dawn"]})
        );
    }
}
