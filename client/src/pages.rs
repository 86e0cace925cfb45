//! Pages as an async iterator: asks for the next page when it is wanted, and for nothing ahead.
//!
//! Each page is a call of its own, so that a walk holds nothing at the daemon and survives its
//! restart. The hazard: a cursor that leads back to itself would make a walk without an end, so it
//! is told.

use darkslide_protocol::message::asset::{Asset, AssetPage, AssetQueryParams};
use darkslide_protocol::message::job::{JobReportParams, ReportRow};
use darkslide_protocol::message::plan::{ExportPlan, ExportPlanParams};
use darkslide_protocol::method::{self, AssetQuery, JobReport, Method};

use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::{Error, ProtocolError};

/// The assets that fit a filter.
#[derive(Debug)]
pub struct AssetPages {
    client: Client,
    params: AssetQueryParams,
    is_over: bool,
}

impl AssetPages {
    pub(crate) fn new(client: Client, params: AssetQueryParams) -> Self {
        Self { client, params, is_over: false }
    }

    /// Returns the next page; `None` after the last. After an error, the same page can be asked for
    /// again.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ProtocolError::PageLoop`].
    pub async fn next_page(&mut self) -> Result<Option<Vec<Asset>>, Error> {
        self.next_page_as().await
    }

    /// As [`AssetPages::next_page`], and reads each asset as another type: its text, say, for who
    /// passes it on.
    ///
    /// # Errors
    /// As [`AssetPages::next_page`].
    pub async fn next_page_as<A: DeserializeOwned>(&mut self) -> Result<Option<Vec<A>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let page: AssetPage<A> = self.client.call_as::<AssetQuery, _>(&self.params).await?;
        if page.next.is_some() && page.next == self.params.cursor {
            return Err(page_loop(AssetQuery::NAME));
        }
        self.is_over = page.next.is_none();
        self.params.cursor = page.next;
        Ok(Some(page.assets))
    }

    /// Where the next page begins; `None` before the first and after the last.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.params.cursor.as_deref()
    }
}

/// What became of the resources of a job.
#[derive(Debug)]
pub struct ReportPages {
    client: Client,
    params: JobReportParams,
    is_over: bool,
}

impl ReportPages {
    pub(crate) fn new(client: Client, params: JobReportParams) -> Self {
        Self { client, params, is_over: false }
    }

    /// Returns the next page; `None` after the last. After an error, the same page can be asked for
    /// again.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ProtocolError::PageLoop`].
    pub async fn next_page(&mut self) -> Result<Option<Vec<ReportRow>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.client.job_report(&self.params).await?;
        match page.next {
            Some(next) if next <= self.params.after => return Err(page_loop(JobReport::NAME)),
            Some(next) => self.params.after = next,
            None => self.is_over = true,
        }
        Ok(Some(page.rows))
    }
}

/// What an export would do.
#[derive(Debug)]
pub struct PlanPages {
    client: Client,
    params: ExportPlanParams,
    is_over: bool,
}

impl PlanPages {
    pub(crate) fn new(client: Client, params: ExportPlanParams) -> Self {
        Self { client, params, is_over: false }
    }

    /// Returns the next page, the first one with the totals; `None` after the last. After an error,
    /// the same page can be asked for again.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ProtocolError::PageLoop`].
    pub async fn next_page(&mut self) -> Result<Option<ExportPlan>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.client.export_plan(&self.params).await?;
        if page.next.is_some() && page.next <= self.params.cursor {
            return Err(page_loop(method::ExportPlan::NAME));
        }
        self.is_over = page.next.is_none();
        self.params.cursor.clone_from(&page.next);
        Ok(Some(page))
    }
}

fn page_loop(method: &'static str) -> Error {
    ProtocolError::PageLoop { method }.into()
}
