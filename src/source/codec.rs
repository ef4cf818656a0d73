//! What a file is packed with, told by its first bytes, whatever its name.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::error::{SourceError, shown};

/// An input whose first bytes were looked at.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// The plain bytes of an input.
pub(super) struct Plain {
    /// To read from.
    pub(super) bytes: Box<dyn Read + Send>,
    /// True if they had to be unpacked.
    pub(super) packed: bool,
}

/// Formats that are known by name only: magic bytes, name, what unpacks them.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"BZh", "bzip2", "bzcat"),
    (b"\xfd7zXZ\x00", "xz", "xzcat"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4cat"),
    (b"\x1f\x9d", "compress", "zcat"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

impl Plain {
    /// Of an input that is known not to be packed.
    pub(super) fn of(bytes: impl Read + Send + 'static) -> Self {
        Self {
            bytes: Box::new(bytes),
            packed: false,
        }
    }
}

/// Finds out how an input is packed: not at all, gzip (any number of members) or Zstandard.
pub(super) fn unpacked<R: Read + Send + 'static>(name: &str, mut input: R) -> Result<Plain, SourceError> {
    let failed = |error| SourceError::new(name, 0, false, error);
    let mut head = Vec::with_capacity(6);
    input.by_ref().take(6).read_to_end(&mut head).map_err(failed)?;
    for (magic, format, tool) in FOREIGN {
        if head.starts_with(magic) {
            return Err(SourceError::Compressed {
                name: shown(name),
                format,
                tool,
            });
        }
    }
    let gzip = head.starts_with(b"\x1f\x8b");
    let zstd = head.starts_with(b"\x28\xb5\x2f\xfd");
    let whole: Whole<R> = Cursor::new(head).chain(input);
    Ok(Plain {
        bytes: if gzip {
            Box::new(MultiGzDecoder::new(whole))
        } else if zstd {
            Box::new(zstd_decoder(whole).map_err(failed)?)
        } else {
            Box::new(whole)
        },
        packed: gzip || zstd,
    })
}

fn zstd_decoder<R: Read + Send + 'static>(whole: R) -> io::Result<impl Read + Send> {
    zstd::Decoder::new(whole)
}
