//! Structs from JSON objects only.
//!
//! A struct that serde derives can be read from an array too, its fields in their order. Kith never reads one
//! so, and the code for it would be a good part of the Worker's.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Reads as `D` does, but a struct only where a map stands. What is within the struct is `D`'s own.
pub struct Objects<D>(pub D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct enum identifier ignored_any
    }
}

/// A `T`, read so.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(Objects(deserializer)).map(Self)
    }
}

/// Reads a list of objects.
struct ListOf<T>(PhantomData<fn() -> T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListOf<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut objects = Vec::new();
        while let Some(Object(object)) = list.next_element()? {
            objects.push(object);
        }
        Ok(objects)
    }
}

/// The objects of a JSON array.
///
/// # Errors
/// When the text is no array of `T`s.
pub(super) fn list_from_json<'de, T: Deserialize<'de>>(
    json: &'de str,
) -> Result<Vec<T>, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_str(json);
    let list = source.deserialize_seq(ListOf(PhantomData))?;
    source.end()?;
    Ok(list)
}

/// The object of a JSON text.
///
/// # Errors
/// When the text is no `T`.
pub(super) fn object_from_json<'de, T: Deserialize<'de>>(
    json: &'de str,
) -> Result<T, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_str(json);
    let object = T::deserialize(Objects(&mut source))?;
    source.end()?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Point {
        x: i64,
        y: Option<i64>,
    }

    #[test]
    fn a_struct_is_read_from_an_object_and_not_from_an_array() {
        assert_eq!(
            object_from_json::<Point>(r#"{"x":1,"y":null}"#).unwrap(),
            Point { x: 1, y: None }
        );
        assert!(object_from_json::<Point>("[1,2]").is_err());
        assert_eq!(
            list_from_json::<Point>(r#"[{"x":1},{"x":2,"y":3}]"#).unwrap(),
            [Point { x: 1, y: None }, Point { x: 2, y: Some(3) }]
        );
        assert!(list_from_json::<Point>("[[1,2]]").is_err());
    }
}
