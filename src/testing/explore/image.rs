//! A value as its serialiser wrote it, in memory: what would have been on disk.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Serialize, ser};

/// Writes a value down and reads it back.
pub(super) fn restored<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, Error> {
    T::deserialize(value.serialize(Writer)?)
}

/// Why it could not be written or read.
#[derive(Debug)]
pub(super) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

#[derive(Clone, Debug)]
enum Image {
    Unit,
    None,
    Some(Box<Image>),
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    Seq(Vec<Image>),
    Map(Vec<(Image, Image)>),
    Variant(&'static str, Box<Image>),
}

struct Writer;

/// Something of several parts that is being written.
struct Several {
    variant: Option<&'static str>,
    parts: Vec<Image>,
    /// Keys, of a map or a struct.
    keys: Vec<Image>,
}

impl Several {
    fn new(variant: Option<&'static str>) -> Self {
        Self {
            variant,
            parts: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn add(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.parts.push(value.serialize(Writer)?);
        Ok(())
    }

    fn add_key(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.keys.push(key.serialize(Writer)?);
        Ok(())
    }

    fn in_variant(variant: Option<&'static str>, image: Image) -> Image {
        match variant {
            Some(name) => Image::Variant(name, Box::new(image)),
            None => image,
        }
    }

    fn seq(self) -> Result<Image, Error> {
        Ok(Self::in_variant(self.variant, Image::Seq(self.parts)))
    }

    fn map(self) -> Result<Image, Error> {
        let entries = self.keys.into_iter().zip(self.parts).collect();
        Ok(Self::in_variant(self.variant, Image::Map(entries)))
    }
}

impl ser::Serializer for Writer {
    type Ok = Image;
    type Error = Error;
    type SerializeSeq = Several;
    type SerializeTuple = Several;
    type SerializeTupleStruct = Several;
    type SerializeTupleVariant = Several;
    type SerializeMap = Several;
    type SerializeStruct = Several;
    type SerializeStructVariant = Several;

    fn serialize_bool(self, v: bool) -> Result<Image, Error> {
        Ok(Image::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<Image, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<Image, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<Image, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<Image, Error> {
        Ok(Image::Signed(v))
    }

    fn serialize_u8(self, v: u8) -> Result<Image, Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<Image, Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<Image, Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<Image, Error> {
        Ok(Image::Unsigned(v))
    }

    fn serialize_f32(self, v: f32) -> Result<Image, Error> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Image, Error> {
        Ok(Image::Float(v))
    }

    fn serialize_char(self, v: char) -> Result<Image, Error> {
        Ok(Image::Char(v))
    }

    fn serialize_str(self, v: &str) -> Result<Image, Error> {
        Ok(Image::Text(v.to_owned()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Image, Error> {
        Ok(Image::Bytes(v.to_owned()))
    }

    fn serialize_none(self) -> Result<Image, Error> {
        Ok(Image::None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Image, Error> {
        Ok(Image::Some(Box::new(value.serialize(Self)?)))
    }

    fn serialize_unit(self) -> Result<Image, Error> {
        Ok(Image::Unit)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Image, Error> {
        Ok(Image::Unit)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Image, Error> {
        Ok(Image::Variant(variant, Box::new(Image::Unit)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Image, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Image, Error> {
        Ok(Image::Variant(variant, Box::new(value.serialize(self)?)))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Several, Error> {
        Ok(Several::new(None))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Several, Error> {
        Ok(Several::new(None))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Several, Error> {
        Ok(Several::new(None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Several, Error> {
        Ok(Several::new(Some(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Several, Error> {
        Ok(Several::new(None))
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Several, Error> {
        Ok(Several::new(None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Several, Error> {
        Ok(Several::new(Some(variant)))
    }
}

impl ser::SerializeSeq for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.seq()
    }
}

impl ser::SerializeTuple for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.seq()
    }
}

impl ser::SerializeTupleStruct for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.seq()
    }
}

impl ser::SerializeTupleVariant for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.seq()
    }
}

impl ser::SerializeMap for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.add_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.map()
    }
}

impl ser::SerializeStruct for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.add_key(key)?;
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.map()
    }
}

impl ser::SerializeStructVariant for Several {
    type Ok = Image;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.add_key(key)?;
        self.add(value)
    }

    fn end(self) -> Result<Image, Error> {
        self.map()
    }
}

impl<'de> de::Deserializer<'de> for Image {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Unit => visitor.visit_unit(),
            Self::None => visitor.visit_none(),
            Self::Some(inside) => visitor.visit_some(*inside),
            Self::Bool(v) => visitor.visit_bool(v),
            Self::Signed(v) => visitor.visit_i64(v),
            Self::Unsigned(v) => visitor.visit_u64(v),
            Self::Float(v) => visitor.visit_f64(v),
            Self::Char(v) => visitor.visit_char(v),
            Self::Text(v) => visitor.visit_string(v),
            Self::Bytes(v) => visitor.visit_byte_buf(v),
            Self::Seq(parts) => visitor.visit_seq(SeqDeserializer::new(parts.into_iter())),
            Self::Map(entries) => visitor.visit_map(MapDeserializer::new(entries.into_iter())),
            Self::Variant(name, inside) => {
                let entry = std::iter::once((Self::Text(name.to_owned()), *inside));
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(entry)))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}

impl<'de> de::IntoDeserializer<'de, Error> for Image {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Plain,
        Wrapped(u8),
        Pair(i16, char),
        Named { text: String, share: f32 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapper(u64);

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        unit: (),
        flag: bool,
        none: Option<u8>,
        some: Option<Option<u8>>,
        kinds: Vec<Kind>,
        wrapper: Wrapper,
        map: BTreeMap<u32, Duration>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
    }

    #[test]
    fn whatever_is_written_is_read_back() {
        let value = Everything {
            unit: (),
            flag: true,
            none: None,
            some: Some(Some(3)),
            kinds: vec![
                Kind::Plain,
                Kind::Wrapped(7),
                Kind::Pair(-3, 'x'),
                Kind::Named {
                    text: "a".into(),
                    share: 0.5,
                },
            ],
            wrapper: Wrapper(9),
            map: BTreeMap::from([(1, Duration::from_millis(1_500))]),
            left_out: None,
        };
        assert_eq!(restored(&value).unwrap(), value);
    }
}
