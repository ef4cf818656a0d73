//! The index of one period (a month of UTC): a folder of its own, so that dropping a period is dropping a folder.

use std::path::{Path, PathBuf};

use tantivy::directory::MmapDirectory;
use tantivy::index::Index;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::query::Query as IndexQuery;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{
    DocAddress, DocSet, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyDocument,
    Term,
};

use super::filter::Filter;
use super::folder;
use super::schema::{ID_HASH, KEY_HASH, Layout, id_hash, key_hash, key_of, tokenizers};
use crate::store::{QueueKey, StoreError};
use crate::transaction::Document;

/// As much as a part of the index may come to at once.
const PROBE_BYTES: usize = 1 << 20;

/// An indexing thread puts a segment on disk when it holds so many bytes.
const ARENA_BYTES: usize = 64_000_000;
/// More threads than this gain nothing.
const MAX_THREADS: usize = 4;
/// Segments with more documents are left as they are: joining them costs more than it saves a search.
const MERGED_DOCUMENTS: usize = 10_000;
/// Bytes of stored documents that are compressed together.
const BLOCK_BYTES: usize = 32_768;

/// The index of a period.
pub(super) struct Period {
    /// `202611`
    pub(super) name: String,
    folder: PathBuf,
    index: Index,
    reader: IndexReader,
    writing: Option<Writing>,
    /// Of the queue ids, written or about to be. None in a store that is only read.
    keys: Option<Filter>,
}

/// What a period has while it is written.
struct Writing {
    writer: IndexWriter,
    /// Of the documents' ids: where it says no, nothing needs to be deleted, which would halve the speed.
    ids: Filter,
    /// Something was written since the last commit.
    dirty: bool,
}

impl Period {
    /// Opens what is there. None if there is only the folder: its maker was stopped before the first commit.
    pub(super) fn open(layout: &Layout, name: &str, folder: &Path) -> Result<Option<Self>, StoreError> {
        let failed = |error| damaged(folder, &error);
        let directory = MmapDirectory::open(folder).map_err(|error| failed(error.into()))?;
        if !Index::exists(&directory).map_err(|error| failed(error.into()))? {
            return Ok(None);
        }
        let index = Index::open(directory).map_err(failed)?;
        Self::of(layout, name, folder, index).map(Some)
    }

    /// Opens what is there, or begins.
    pub(super) fn open_or_create(layout: &Layout, name: &str, folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| folder::io("create", folder, error))?;
        if let Some(period) = Self::open(layout, name, folder)? {
            return Ok(period);
        }
        let settings = IndexSettings {
            docstore_compression: Compressor::Zstd(ZstdCompressor {
                compression_level: Some(1),
            }),
            docstore_blocksize: BLOCK_BYTES,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let index = Index::builder()
            .schema(layout.schema.clone())
            .settings(settings)
            .create_in_dir(folder)
            .map_err(|error| damaged(folder, &error))?;
        Self::of(layout, name, folder, index)
    }

    fn of(layout: &Layout, name: &str, folder: &Path, mut index: Index) -> Result<Self, StoreError> {
        if index.schema() != layout.schema {
            return Err(StoreError::Foreign(format!(
                "{} was made by another version of mailtrail; move it away and index its logs again",
                folder.display()
            )));
        }
        index.set_tokenizers(tokenizers());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(|error| damaged(folder, &error))?;
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            index,
            reader,
            writing: None,
            keys: None,
        })
    }

    /// What was committed last.
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Sees what was committed meanwhile.
    pub(super) fn reload(&self) -> Result<(), StoreError> {
        self.reader.reload().map_err(|error| damaged(&self.folder, &error))
    }

    /// Reads which queue ids there are, for [`Self::may_hold`].
    pub(super) fn load_keys(&mut self) -> Result<(), StoreError> {
        self.keys = Some(self.hashes(KEY_HASH)?);
        Ok(())
    }

    /// Can a document of this queue id be here?
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.contains(hash))
    }

    fn hashes(&self, column: &str) -> Result<Filter, StoreError> {
        let failed = |error| damaged(&self.folder, &error);
        let searcher = self.searcher();
        let held: u32 = searcher
            .segment_readers()
            .iter()
            .map(tantivy::SegmentReader::max_doc)
            .sum();
        let mut filter = Filter::for_about(held as usize);
        for segment in searcher.segment_readers() {
            let column = segment.fast_fields().u64(column).map_err(failed)?;
            for hash in column.values.iter() {
                filter.insert(hash);
            }
        }
        Ok(filter)
    }

    /// Is it open for writing?
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    fn writing(&mut self) -> Result<&mut Writing, StoreError> {
        if self.writing.is_none() {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let options = IndexWriterOptions::builder()
                .num_worker_threads(threads.clamp(1, MAX_THREADS))
                .memory_budget_per_thread(ARENA_BYTES)
                .num_merge_threads(1)
                .build();
            let failed = |error| damaged(&self.folder, &error);
            let writer: IndexWriter = self.index.writer_with_options(options).map_err(failed)?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
            // What a process that was killed left behind.
            writer.garbage_collect_files().wait().map_err(failed)?;
            self.writing = Some(Writing {
                writer,
                ids: self.hashes(ID_HASH)?,
                dirty: false,
            });
        }
        self.writing
            .as_mut()
            .ok_or_else(|| StoreError::Index("the writer is gone".to_owned()))
    }

    /// Puts a document in, over an earlier one with its id.
    pub(super) fn put(&mut self, layout: &Layout, document: &Document, json: &str) -> Result<(), StoreError> {
        let hash = id_hash(document.id()).unwrap_or_default();
        if let (Some(key), Some(keys)) = (key_of(document), self.keys.as_mut()) {
            keys.insert(key_hash(&key));
        }
        let writing = self.writing()?;
        if writing.ids.contains(hash) {
            writing.writer.delete_term(id_term(layout, document.id())?);
        } else {
            writing.ids.insert(hash);
        }
        writing.dirty = true;
        let added = writing.writer.add_document(layout.document(document, json));
        added.map(|_| ()).map_err(|error| damaged(&self.folder, &error))
    }

    /// Takes a document out.
    pub(super) fn remove(&mut self, layout: &Layout, id: &str) -> Result<(), StoreError> {
        let term = id_term(layout, id)?;
        let writing = self.writing()?;
        if id_hash(id).is_some_and(|hash| writing.ids.contains(hash)) {
            writing.writer.delete_term(term);
            writing.dirty = true;
        }
        Ok(())
    }

    /// Puts on disk what was written. With `merge`, segments are joined in the background when there are many: a large
    /// import does without, as it would join the same documents again and again.
    pub(super) fn commit(&mut self, merge: bool) -> Result<(), StoreError> {
        let Some(writing) = self.writing.as_mut().filter(|writing| writing.dirty) else {
            return Ok(());
        };
        if merge {
            let mut policy = LogMergePolicy::default();
            policy.set_del_docs_ratio_before_merge(0.3);
            policy.set_max_docs_before_merge(MERGED_DOCUMENTS);
            writing.writer.set_merge_policy(Box::new(policy));
        } else {
            writing.writer.set_merge_policy(Box::new(NoMergePolicy));
        }
        writing.writer.commit().map_err(|error| damaged(&self.folder, &error))?;
        writing.dirty = false;
        self.reload()
    }

    /// Gives the threads and memory of writing back. Waits for segments that are being joined.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        match self.writing.take() {
            Some(writing) => writing
                .writer
                .wait_merging_threads()
                .map_err(|error| damaged(&self.folder, &error)),
            None => Ok(()),
        }
    }

    /// The committed documents that have this text in this field.
    pub(super) fn with_term(&self, layout: &Layout, path: &str, text: &str) -> Result<Vec<Document>, StoreError> {
        let field = layout
            .path(path)
            .ok_or_else(|| StoreError::Index(format!("there is no field {path}")))?;
        self.addresses(field, text)
            .map_err(|error| damaged(&self.folder, &error))?
            .into_iter()
            .map(|address| self.document(layout, address))
            .collect()
    }

    /// The committed documents of a queue id.
    pub(super) fn of_key(&self, layout: &Layout, key: &QueueKey) -> Result<Vec<Document>, StoreError> {
        let mut found = self.with_term(layout, "queue_id", &crate::query::fold(&key.queue_id))?;
        found.retain(|document| key_of(document).as_ref() == Some(key));
        Ok(found)
    }

    fn addresses(&self, field: Field, text: &str) -> tantivy::Result<Vec<DocAddress>> {
        let term = Term::from_field_text(field, text);
        let mut found = Vec::new();
        for (ordinal, segment) in (0..).zip(self.searcher().segment_readers()) {
            let index = segment.inverted_index(field)?;
            let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            let mut document = postings.doc();
            while document != TERMINATED {
                if !segment.is_deleted(document) {
                    found.push(DocAddress::new(ordinal, document));
                }
                document = postings.advance();
            }
        }
        Ok(found)
    }

    /// A committed document.
    pub(super) fn document(&self, layout: &Layout, address: DocAddress) -> Result<Document, StoreError> {
        let stored: TantivyDocument = self
            .searcher()
            .doc(address)
            .map_err(|error| damaged(&self.folder, &error))?;
        layout.read(&stored)
    }

    /// Runs a collector over what a query means.
    pub(super) fn collect<C: tantivy::collector::Collector>(
        &self,
        query: &dyn IndexQuery,
        collector: &C,
    ) -> Result<C::Fruit, StoreError> {
        self.searcher()
            .search(query, collector)
            .map_err(|error| damaged(&self.folder, &error))
    }
}

fn id_term(layout: &Layout, id: &str) -> Result<Term, StoreError> {
    let field = layout
        .path("id")
        .ok_or_else(|| StoreError::Index("there is no field id".to_owned()))?;
    Ok(Term::from_field_text(field, id))
}

fn damaged(folder: &Path, error: &tantivy::TantivyError) -> StoreError {
    // A thread of the index keeps to itself why it could not write.
    if let tantivy::TantivyError::ErrorInThread(_) = error
        && let Err(error) = probe(folder)
    {
        return StoreError::Io {
            what: format!("cannot write to {}", folder.display()),
            error,
        };
    }
    StoreError::Index(format!("{}: {error}", folder.display()))
}

/// Asks the disk by writing to it: full, over a quota, read-only, a limit of the process.
fn probe(folder: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let path = folder.join(format!(".probe-{}", std::process::id()));
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_all()
    });
    // A probe that stays is harmless.
    let _ = std::fs::remove_file(&path);
    written
}
