//! What a file is packed with, told by its first bytes, whatever its name.

use std::io::{self, Chain, Cursor, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

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

/// No archive of a log needs more to be unpacked: the dictionary of `xz -9` is 64 MiB. A hostile one may ask for 4 GiB.
const XZ_MEMORY: u64 = 160 << 20;

/// Finds out how an input is packed: not at all, gzip, bzip2, xz (any number of members each) or Zstandard.
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
    let magic = head.clone();
    let whole: Whole<R> = Cursor::new(head).chain(input);
    let bytes: Box<dyn Read + Send> = match &*magic {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd_decoder(whole).map_err(failed)?),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Box::new(MultiBzDecoder::new(whole)),
        b"\xfd7zXZ\x00" => Box::new(xz_decoder(whole).map_err(failed)?),
        _ => {
            return Ok(Plain {
                bytes: Box::new(whole),
                packed: false,
            });
        }
    };
    Ok(Plain { bytes, packed: true })
}

fn zstd_decoder<R: Read + Send + 'static>(whole: R) -> io::Result<impl Read + Send> {
    zstd::Decoder::new(whole)
}

fn xz_decoder<R: Read + Send + 'static>(whole: R) -> io::Result<impl Read + Send> {
    let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
    Ok(XzDecoder::new_stream(whole, stream))
}
