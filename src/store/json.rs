//! Writes a document as JSON, the same bytes as `serde_json` does.
//!
//! Half of a document is its raw lines, and text hardly ever needs an escape: it is looked through eight bytes at a
//! time and copied in one piece.
//!
//! In: anything that serde can serialize. Out: its JSON behind the bytes that are there.

use serde::Serialize;
use serde::ser::{self, Error as _};

/// Appends the JSON of a value.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut Json { out })
}

struct Json<'o> {
    out: &'o mut Vec<u8>,
}

/// The elements of an array or object that is being written.
struct Elements<'j, 'o> {
    json: &'j mut Json<'o>,
    first: bool,
    /// What closes it.
    end: &'static [u8],
}

impl<'o> Json<'o> {
    fn begin<'j>(&'j mut self, open: &[u8], end: &'static [u8]) -> Elements<'j, 'o> {
        self.out.extend_from_slice(open);
        Elements {
            json: self,
            first: true,
            end,
        }
    }

    /// `{"variant":` and what is inside it.
    fn begin_variant<'j>(&'j mut self, variant: &str, open: &[u8], end: &'static [u8]) -> Elements<'j, 'o> {
        self.out.push(b'{');
        text(self.out, variant);
        self.out.push(b':');
        self.begin(open, end)
    }
}

impl Elements<'_, '_> {
    fn next(&mut self) {
        if !self.first {
            self.json.out.push(b',');
        }
        self.first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
        self.next();
        value.serialize(&mut *self.json)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> serde_json::Result<()> {
        self.next();
        text(self.json.out, name);
        self.json.out.push(b':');
        value.serialize(&mut *self.json)
    }

    fn close(self) {
        self.json.out.extend_from_slice(self.end);
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks, with its high bit, the first byte of eight that needs an escape; what stands above it says nothing.
fn marks(eight: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = eight.wrapping_sub(ONES * 0x20) & !eight;
    (control | zero(eight ^ (ONES * u64::from(b'"'))) | zero(eight ^ (ONES * u64::from(b'\\')))) & HIGHS
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The place of the first byte that needs an escape.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        let marks = marks(u64::from_le_bytes(*eight));
        if marks != 0 {
            return Some(index * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|byte| is_escaped(*byte))?;
    Some(eights.len() * 8 + found)
}

/// A string in quotes.
fn text(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = first_escaped(rest) {
        let (plain, after) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else {
            break;
        };
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => 0,
        };
        if short == 0 {
            let [high, low] = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn digits(out: &mut Vec<u8>, mut number: u64) {
    let mut reversed = [0_u8; 20];
    let mut length = 0;
    for digit in &mut reversed {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    out.extend(reversed.iter().take(length).rev());
}

macro_rules! numbers {
    ($($method:ident $type:ty,)*) => {
        $(fn $method(self, value: $type) -> serde_json::Result<()> {
            serde_json::to_writer(&mut *self.out, &value)
        })*
    };
}

macro_rules! small {
    ($($method:ident $type:ty,)*) => {
        $(fn $method(self, value: $type) -> serde_json::Result<()> {
            digits(self.out, u64::from(value));
            Ok(())
        })*
    };
}

impl<'j, 'o> ser::Serializer for &'j mut Json<'o> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Elements<'j, 'o>;
    type SerializeTuple = Elements<'j, 'o>;
    type SerializeTupleStruct = Elements<'j, 'o>;
    type SerializeTupleVariant = Elements<'j, 'o>;
    type SerializeMap = Elements<'j, 'o>;
    type SerializeStruct = Elements<'j, 'o>;
    type SerializeStructVariant = Elements<'j, 'o>;

    numbers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u128 u128, serialize_f32 f32, serialize_f64 f64,
    }
    small! { serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, }

    fn serialize_bool(self, value: bool) -> serde_json::Result<()> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> serde_json::Result<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> serde_json::Result<()> {
        text(self.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> serde_json::Result<()> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> serde_json::Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> serde_json::Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> serde_json::Result<()> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> serde_json::Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> serde_json::Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> serde_json::Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> serde_json::Result<()> {
        let mut object = self.begin(b"{", b"}");
        object.field(variant, value)?;
        object.close();
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin_variant(variant, b"[", b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin(b"{", b"}"))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> serde_json::Result<Elements<'j, 'o>> {
        Ok(self.begin_variant(variant, b"{", b"}}"))
    }
}

macro_rules! lists {
    ($($kind:ident $method:ident,)*) => {
        $(impl ser::$kind for Elements<'_, '_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
                self.element(value)
            }

            fn end(self) -> serde_json::Result<()> {
                self.close();
                Ok(())
            }
        })*
    };
}

lists! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! structs {
    ($($kind:ident,)*) => {
        $(impl ser::$kind for Elements<'_, '_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> serde_json::Result<()> {
                self.field(name, value)
            }

            fn end(self) -> serde_json::Result<()> {
                self.close();
                Ok(())
            }
        })*
    };
}

structs! { SerializeStruct, SerializeStructVariant, }

impl ser::SerializeMap for Elements<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> serde_json::Result<()> {
        self.next();
        let start = self.json.out.len();
        key.serialize(&mut *self.json)?;
        match self.json.out.get(start) {
            Some(b'"') => Ok(()),
            // A number as key is written as text.
            Some(b'0'..=b'9' | b'-') => {
                self.json.out.insert(start, b'"');
                self.json.out.push(b'"');
                Ok(())
            }
            _ => Err(serde_json::Error::custom("key must be a string")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
        self.json.out.push(b':');
        value.serialize(&mut *self.json)
    }

    fn end(self) -> serde_json::Result<()> {
        self.close();
        Ok(())
    }
}
