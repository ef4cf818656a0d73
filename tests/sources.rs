//! Files, standard input and several at once: whole, cut short, hostile, missing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use mailtrail::line::{Digest, Line, MAX_LINE_BYTES, Moment, TimeZone};
use mailtrail::source::{FileSource, Merge, Read, Source, SourceError, open};
use tempfile::TempDir;

use crate::lines::{dating, lab, lab_path};

/// What a source gives until its end: lines, unreadable lines' numbers, errors.
#[derive(Default)]
struct Told {
    lines: Vec<Line>,
    unreadable: Vec<u64>,
    errors: Vec<String>,
}

impl Told {
    fn by(source: &mut dyn Source) -> Self {
        let mut told = Self::default();
        loop {
            match source.next() {
                Ok(Some(Read::Line(line))) => told.lines.push(line),
                Ok(Some(Read::Unreadable { origin, .. })) => told.unreadable.push(origin.number),
                Ok(None) => break,
                Err(error) => told.errors.push(error.to_string()),
            }
        }
        // The end is the end.
        assert!(matches!(source.next(), Ok(None)));
        told
    }

    fn digests(&self) -> Vec<Digest> {
        self.lines.iter().map(Line::digest).collect()
    }

    fn days(&self) -> Vec<String> {
        self.lines
            .iter()
            .map(|line| line.at.rfc3339()[..10].to_owned())
            .collect()
    }
}

fn file(path: &Path) -> FileSource {
    FileSource::open(path, dating(TimeZone::Utc)).unwrap()
}

fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn failure(path: &Path) -> String {
    match FileSource::open(path, dating(TimeZone::Utc)) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    }
}

const QMGR: &str = "mx1 postfix/qmgr[252]: 757F89D60C0: removed";

#[test]
fn a_packed_file_tells_what_the_plain_one_tells() {
    let folder = TempDir::new().unwrap();
    let log = lab("postfix-short/mail.rfc3339.log");
    let plain = Told::by(&mut file(&written(&folder, "mail.log", &log)));
    assert_eq!(plain.lines.len(), 4579);
    // Told by its bytes, whatever its name; two members one after the other, as `cat a.gz b.gz` makes them.
    let half = 1 + memchr::memchr(b'\n', &log[300_000..]).unwrap() + 300_000;
    let members = [gzip(&log[..half]), gzip(&log[half..])].concat();
    let zstd = zstd::encode_all(&log[..], 1).unwrap();
    let bzip2_members = [bzip2(&log[..half]), bzip2(&log[half..])].concat();
    let xz_members = [xz(&log[..half]), xz(&log[half..])].concat();
    for (name, bytes) in [
        ("members.gz", members),
        ("packed.log", gzip(&log)),
        ("mail.zst", zstd),
        ("mail.log.bz2", bzip2(&log)),
        ("members.bz2", bzip2_members),
        ("mail.log.xz", xz(&log)),
        ("members.xz", xz_members),
    ] {
        let mut source = file(&written(&folder, name, &bytes));
        let packed = Told::by(&mut source);
        assert!(
            packed.digests() == plain.digests() && packed.errors.is_empty(),
            "{name}"
        );
        let progress = source.progress();
        assert_eq!(progress.total, Some(bytes.len() as u64));
        assert_eq!(Some(progress.read), progress.total, "{name}: in bytes of the disk");
        assert_eq!(source.offset(), log.len() as u64, "{name}: in bytes of the log");
    }
}

#[test]
fn a_truncated_archive_gives_all_its_whole_lines_and_then_says_so() {
    let folder = TempDir::new().unwrap();
    let packed = fs::read(lab_path("postfix-short/mail.log")).unwrap();
    let cut = written(&folder, "mail.log.2.gz", &packed[..packed.len() / 2]);
    let whole = Told::by(&mut file(&lab_path("postfix-short/mail.log")));
    let mut source = file(&cut);
    let told = Told::by(&mut source);
    let count = told.lines.len();
    assert!((1000..4000).contains(&count), "{count}");
    assert!(told.digests() == whole.digests()[..count], "no line is half a line");
    assert_eq!(told.unreadable, [0_u64; 0]);
    assert_eq!(
        told.errors,
        [format!(
            "{} is truncated: it was read up to line {count}, what came after is lost; copy it again or name its original",
            cut.display()
        )]
    );
    // The others go on.
    let names = [cut, lab_path("sendmail/mail.log")];
    let (sources, errors) = open(&names, dating(TimeZone::Utc));
    let told = Told::by(&mut Merge::new(sources, errors));
    assert_eq!((told.lines.len(), told.errors.len()), (count + 1014, 1));
}

#[test]
fn every_kind_of_archive_that_is_cut_short_says_so() {
    let folder = TempDir::new().unwrap();
    let log = lab("postfix-short/mail.rfc3339.log");
    for (name, packed) in [
        ("mail.log.gz", gzip(&log)),
        ("mail.log.zst", zstd::encode_all(&log[..], 1).unwrap()),
        ("mail.log.bz2", bzip2(&log)),
        ("mail.log.xz", xz(&log)),
    ] {
        let cut = written(&folder, name, &packed[..packed.len() * 2 / 3]);
        let told = Told::by(&mut file(&cut));
        assert!(told.lines.len() > 1000, "{name}");
        assert_eq!(told.unreadable, [0_u64; 0], "{name}: no line is half a line");
        let told = &told.errors[..];
        assert!(told.len() == 1 && told[0].contains("is truncated"), "{name}: {told:?}");
    }
}

/// The dictionary that an archive asks for is its maker's wish.
#[test]
fn an_archive_that_asks_for_too_much_memory_does_not_get_it() {
    let folder = TempDir::new().unwrap();
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(1 << 30);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder
        .write_all(format!("Nov 24 02:04:04 {QMGR}\n").as_bytes())
        .unwrap();
    let greedy = encoder.finish().unwrap();
    let error = match FileSource::open(&written(&folder, "mail.log.xz", &greedy), dating(TimeZone::Utc)) {
        Err(error) => error.to_string(),
        Ok(mut source) => Told::by(&mut source).errors.concat(),
    };
    assert!(error.contains("mail.log.xz is damaged"), "{error}");
}

#[test]
fn a_damaged_archive_says_so() {
    let folder = TempDir::new().unwrap();
    let mut packed = fs::read(lab_path("postfix-short/mail.log")).unwrap();
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let told = Told::by(&mut file(&written(&folder, "mail.log.gz", &packed)));
    assert!(told.lines.len() > 1000);
    assert_eq!(told.errors.len(), 1);
    assert!(
        told.errors[0].contains("mail.log.gz is damaged after line"),
        "{}",
        told.errors[0]
    );
}

#[test]
fn what_cannot_be_read_is_named_with_the_way_out() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("mail.\u{1b}[31mlog");
    let error = failure(&missing);
    assert!(
        error.contains("there is no such file") && error.contains("mail.\\u{1b}[31mlog"),
        "{error}"
    );
    let error = failure(folder.path());
    assert!(error.contains("it is a folder; name the files in it"), "{error}");
    let lz4 = written(&folder, "mail.log.lz4", b"\x04\x22\x4d\x18\x64\x40");
    let error = failure(&lz4);
    assert!(
        error.contains("lz4cat") && error.contains("| mailtrail ... -"),
        "{error}"
    );
    // Those that cannot be opened are told first, then the others are read.
    let names = [
        missing,
        written(&folder, "mail.log", format!("Nov 24 02:04:04 {QMGR}\n").as_bytes()),
        lz4,
    ];
    let (sources, errors) = open(&names, dating(TimeZone::Utc));
    let mut merge = Merge::new(sources, errors);
    assert!(matches!(merge.next(), Err(SourceError::Missing { .. })));
    assert!(matches!(merge.next(), Err(SourceError::Compressed { .. })));
    assert_eq!(Told::by(&mut merge).lines.len(), 1);
}

#[test]
fn nothing_is_told_by_an_empty_file() {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("blank", b"\n\r\n  \n".to_vec()),
        ("empty.gz", gzip(b"")),
    ] {
        let mut source = file(&written(&folder, name, &bytes));
        let told = Told::by(&mut source);
        assert_eq!(
            (told.lines.len(), told.unreadable.len(), told.errors.len()),
            (0, 0, 0),
            "{name}"
        );
        assert_eq!(source.tally().raw_lines, 0);
    }
}

#[test]
fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
    let folder = TempDir::new().unwrap();
    let oversized = format!("Nov 24 02:04:04 mx1 postfix/smtpd[1]: {}", "x".repeat(10_000_000));
    let log = format!("{oversized}\nNov 24 02:04:05 {QMGR}\nno header here\nNov 24 02:04:06 {QMGR}");
    let mut source = file(&written(&folder, "mail.log", log.as_bytes()));
    let told = Told::by(&mut source);
    let lengths: Vec<usize> = told.lines.iter().map(|line| line.raw.len()).collect();
    assert_eq!(lengths, [MAX_LINE_BYTES, 16 + QMGR.len(), 16 + QMGR.len()]);
    assert_eq!(told.unreadable, [3]);
    let numbers: Vec<u64> = told.lines.iter().map(|line| line.origin.number).collect();
    assert_eq!(numbers, [1, 2, 4]);
    let tally = source.tally();
    assert_eq!(
        (tally.raw_lines, tally.lines, tally.unreadable, tally.cut),
        (4, 3, 1, 1)
    );
    // The last line has no line end: it is given, but whoever reads on begins with it.
    assert_eq!(source.offset(), log.rfind('\n').unwrap() as u64 + 1);
}

#[test]
fn a_line_of_any_length_near_the_bounds_is_read_whole_or_cut() {
    let folder = TempDir::new().unwrap();
    let head = "Nov 24 02:04:04 mx1 postfix/smtpd[1]: ";
    for length in [
        MAX_LINE_BYTES - 1,
        MAX_LINE_BYTES,
        MAX_LINE_BYTES + 1,
        262_143,
        262_144,
        262_145,
        400_000,
    ] {
        let log = format!("{head}{}\nNov 24 02:04:05 {QMGR}\n", "x".repeat(length - head.len()));
        let mut source = file(&written(&folder, "mail.log", log.as_bytes()));
        let told = Told::by(&mut source);
        assert_eq!(told.lines[0].raw.len(), length.min(MAX_LINE_BYTES));
        assert_eq!(told.lines[1].raw.len(), 16 + QMGR.len(), "after {length}");
        assert_eq!(source.tally().cut, u64::from(length > MAX_LINE_BYTES), "{length}");
        assert_eq!(source.offset(), log.len() as u64);
    }
}

#[test]
fn formats_may_be_mixed_in_a_file_and_bytes_need_not_be_text() {
    let folder = TempDir::new().unwrap();
    let mut log = format!("Nov 24 02:04:04 {QMGR}\r\n2026-11-24T02:04:05.5Z {QMGR}\n\0\0\x01\x7f\n").into_bytes();
    log.extend_from_slice(b"<22>1 2026-11-24T02:04:06Z mx1 postfix 252 - -  to=<\xff\xfe>\n");
    let told = Told::by(&mut file(&written(&folder, "mail.log", &log)));
    let times: Vec<i64> = told.lines.iter().map(|line| line.at.0 % 60_000).collect();
    assert_eq!(times, [4000, 5500, 6000]);
    assert_eq!(told.unreadable, [3]);
    assert_eq!(told.lines[2].text(), b"to=<\xff\xfe>");
}

#[test]
fn the_year_is_told_by_the_name_then_by_the_file_s_time() {
    let folder = TempDir::new().unwrap();
    let log = format!("Dec 30 02:04:04 {QMGR}\n");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_673_049_600); // 2023-01-07
    for (name, day) in [
        ("mail.log", "2022-12-30"),
        ("mail.log-20241231", "2024-12-30"),
        ("mail.log-20240107.gz", "2023-12-30"),
        ("mail-2021-12.log", "2021-12-30"),
        ("mail_2020.log", "2020-12-30"),
        ("mail-2024-01-07.log", "2023-12-30"),
        ("mail.log-202412", "2024-12-30"),
        ("mail.log-2024123123", "2024-12-30"),
        // No dates: an epoch, a port, a version.
        ("mail.log-1704585600", "2022-12-30"),
        ("mail-2525-99999999.log", "2022-12-30"),
        // Not before its time.
        ("mail.log-20991231", "2025-12-30"),
    ] {
        let path = written(&folder, name, log.as_bytes());
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        assert_eq!(Told::by(&mut file(&path)).days(), [day], "{name}");
    }
}

#[test]
fn several_files_are_one_log_in_the_order_of_time() {
    let names = ["sm1", "mx1", "mx2"].map(|host| lab_path(&format!("multihop/{host}.mail.rfc3339.log")));
    let (sources, errors) = open(&names, dating(TimeZone::Utc));
    let mut merge = Merge::new(sources, errors);
    let begins = merge.begins().unwrap();
    let told = Told::by(&mut merge);
    assert_eq!(told.lines.len(), 2448);
    let times: Vec<Moment> = told.lines.iter().map(|line| line.at).collect();
    assert_eq!(begins, times[0]);
    // Each file is itself only nearly in order; nothing is further back than in its own file.
    let back = times.windows(2).map(|pair| pair[0].0 - pair[1].0).max().unwrap();
    assert!(back <= 1000, "{back} ms");
    for (host, count) in [("mx1", 852), ("mx2", 1330), ("sm1", 266)] {
        let numbers: Vec<u64> = told
            .lines
            .iter()
            .filter(|line| *line.host == *host)
            .map(|line| line.origin.number)
            .collect();
        assert!(numbers.iter().copied().eq(1..=count), "{host} stays in its own order");
    }
    let progress = merge.progress();
    assert_eq!(Some(progress.read), progress.total);
    assert_eq!(merge.tally().lines, 2448);
}

#[test]
fn rotated_files_in_any_order_are_the_whole_log() {
    let folder = TempDir::new().unwrap();
    let log = lab("postfix-short/mail.log");
    let whole = Told::by(&mut file(&written(&folder, "whole", &log)));
    // logrotate cuts anywhere; here between two seconds, since equal lines of one second are counted per file.
    let cut = 1 + memchr::memmem::find(&log, b"\nNov 24 02:05:").unwrap();
    let names = [
        written(&folder, "mail.log", &log[cut..]),
        written(&folder, "mail.log.1.gz", &gzip(&log[..cut])),
    ];
    let (sources, errors) = open(&names, dating(TimeZone::Utc));
    let told = Told::by(&mut Merge::new(sources, errors));
    assert!(told.digests() == whole.digests());
}

#[test]
fn a_file_that_is_rotated_away_while_it_waits_is_still_read() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "mail.log", format!("Nov 24 02:04:04 {QMGR}\n").as_bytes());
    let mut source = file(&path);
    fs::rename(&path, folder.path().join("mail.log.1")).unwrap();
    written(&folder, "mail.log", b"");
    assert_eq!(Told::by(&mut source).lines.len(), 1);
}

/// A pipe cannot be read twice, so nothing of it may be lost by looking for the year.
#[test]
fn a_pipe_is_read_whole() {
    let log = lab_path("multihop/mx1.mail.log");
    let mut child = Command::new("cat").arg(&log).stdout(Stdio::piped()).spawn().unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(child.stdout.as_ref().unwrap());
    let mut source = file(&PathBuf::from(format!("/proc/self/fd/{descriptor}")));
    assert_eq!((source.begins(), source.progress().total), (None, None));
    let told = Told::by(&mut source);
    drop(child.stdout.take());
    child.wait().unwrap();
    assert_eq!(told.lines.len(), 852);
    assert!(told.days().iter().all(|day| day == "2026-11-24"));
}
