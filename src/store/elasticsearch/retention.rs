//! Drops whole periods that are older than wished.
//!
//! By the period in the index's name, not by the age of the index: an archive that is indexed today is as old as its
//! mails. Works on every server, with no lifecycle management.

use chrono::{DateTime, Days, Utc};

use super::layout::Family;
use super::{ElasticStore, StoreError};
use crate::elastic_http::segment;

impl ElasticStore {
    /// The indices of a family whose period ended more than so many days before `now`, oldest first.
    pub fn expired(&self, family: Family, days: u32, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
        let Some(limit) = now.checked_sub_days(Days::new(days.into())) else {
            return Ok(Vec::new());
        };
        let answer = self.http.get(&format!("/{}/_alias", self.layout.pattern(family)))?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let body = answer.success()?;
        let mut expired: Vec<String> = body
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(index, _)| self.layout.end_of(index).is_some_and(|end| end < limit))
            .map(|(index, _)| index.clone())
            .collect();
        expired.sort();
        Ok(expired)
    }

    /// Deletes these indices, each by its name.
    pub fn drop_indices(&mut self, indices: &[String]) -> Result<(), StoreError> {
        for index in indices {
            let answer = self.http.delete(&format!("/{}", segment(index)))?;
            if answer.status != 404 {
                answer.success()?;
            }
            self.indices.remove(index);
        }
        Ok(())
    }
}
