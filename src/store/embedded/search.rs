//! Searches every period and joins what they found in one order.

use tantivy::collector::sort_key::SortByStaticFastValue;
use tantivy::collector::{Count, DocSetCollector, TopDocs};
use tantivy::query::{BooleanQuery, Occur, Query as IndexQuery};
use tantivy::{DocAddress, Order as IndexOrder};

use super::period::Period;
use super::schema::{ID_HASH, Layout, TIMESTAMP};
use super::translate::{behind, translate};
use crate::query::{Order, Page, Query};
use crate::store::{Found, StoreError};
use crate::transaction::Document;

/// A document that was found, not yet read.
struct Hit<'a> {
    at: i64,
    id_hash: u64,
    period: &'a Period,
    address: DocAddress,
}

/// The page of what the query means.
pub(super) fn search(layout: &Layout, periods: &[Period], query: &Query, page: &Page) -> Result<Found, StoreError> {
    let meant = translate(layout, query);
    let mut total = 0;
    let mut hits = Vec::new();
    for period in periods {
        total += period.collect(&*meant, &Count)? as u64;
        hits.extend(first_hits(layout, period, &*meant, page)?);
    }
    hits.sort_by(|a, b| {
        let by_time = match page.order {
            Order::Newest => b.at.cmp(&a.at),
            Order::Oldest => a.at.cmp(&b.at),
        };
        by_time.then_with(|| (&a.period.name, a.id_hash).cmp(&(&b.period.name, b.id_hash)))
    });
    let wanted = hits.iter().skip(page.offset).take(page.limit);
    let documents = wanted.map(|hit| hit.period.document(layout, hit.address));
    Ok(Found {
        documents: documents.collect::<Result<_, _>>()?,
        total,
    })
}

/// Every document that the query means, in the order in which they are stored.
pub(super) fn each(
    layout: &Layout,
    periods: &[Period],
    query: &Query,
    sink: &mut dyn FnMut(&Document),
) -> Result<(), StoreError> {
    let meant = translate(layout, query);
    for period in periods {
        let mut places: Vec<DocAddress> = period.collect(&*meant, &DocSetCollector)?.into_iter().collect();
        // Stored documents lie in blocks: in their order each block is unpacked once.
        places.sort_unstable();
        for place in places {
            sink(&period.document(layout, place)?);
        }
    }
    Ok(())
}

/// So many of a period as the page could need.
fn first_hits<'a>(
    layout: &Layout,
    period: &'a Period,
    meant: &dyn IndexQuery,
    page: &Page,
) -> Result<Vec<Hit<'a>>, StoreError> {
    let held = usize::try_from(period.searcher().num_docs()).unwrap_or(usize::MAX);
    let limit = page.limit.saturating_add(page.offset).min(held);
    if limit == 0 || page.limit == 0 {
        return Ok(Vec::new());
    }
    let time_order = match page.order {
        Order::Newest => IndexOrder::Desc,
        Order::Oldest => IndexOrder::Asc,
    };
    let by_time = SortByStaticFastValue::<i64>::for_field(TIMESTAMP);
    let by_id = SortByStaticFastValue::<u64>::for_field(ID_HASH);
    let first = TopDocs::with_limit(limit).order_by(((by_time, time_order), (by_id, IndexOrder::Asc)));
    let found = match &page.after {
        None => period.collect(meant, &first)?,
        Some(cursor) => {
            let Some(behind) = behind(layout, &period.name, page.order, cursor) else {
                return Err(StoreError::Index(format!(
                    "`{}` is no place to go on from",
                    cursor.id.escape_debug()
                )));
            };
            let both = BooleanQuery::new(vec![(Occur::Must, meant.box_clone()), (Occur::Must, behind)]);
            period.collect(&both, &first)?
        }
    };
    let hit = |((at, id_hash), address): ((Option<i64>, Option<u64>), DocAddress)| Hit {
        at: at.unwrap_or_default(),
        id_hash: id_hash.unwrap_or_default(),
        period,
        address,
    };
    Ok(found.into_iter().map(hit).collect())
}
