//! `extract`: an export of one album in one call, which is answered when the export is over.
//!
//! The job is one of `export.start` in all: the same decisions, spec, engine and report; so a call
//! that comes again joins it. What the answer tells of files is read back from the report (in
//! `extract/told.rs`) and from the library under the request's own grants. Whoever gives the
//! request up cancels the job; a connection that is lost only stops the waiting. The hazards: an
//! answer of a job that did something else than was asked for, since a key named it; and a wait
//! that holds what others need.

mod media;
mod told;

use std::sync::Arc;

use darkslide_door::RootDir;
use darkslide_library::Query;
use darkslide_protocol::error::WireError;
use darkslide_protocol::field::Field;
use darkslide_protocol::filter::{Filter, Sort};
use darkslide_protocol::message::export::ExportSpec;
use darkslide_protocol::message::extract::{
    ExtractOptions, ExtractParams, ExtractResult, ExtractStatus,
};
use darkslide_protocol::value::Token;

use self::media::Named;
use self::told::{Source, Told};
use super::export::Granted;
use super::{Caller, Service, fault, random_token};
use crate::clock::Moment;
use crate::jobs::{Snapshot, State};
use darkslide_protocol::method::{self, Method};

pub(super) const METHOD: &str = method::Extract::NAME;
/// The least time that a call is said to have taken, in seconds.
const LEAST_TIME: f64 = 0.000_001;

/// An export that is over, of which nothing is told yet.
pub(crate) struct Extracted {
    began: Moment,
    granted: Arc<Granted>,
    root: Arc<RootDir>,
    album: String,
    title: String,
    job: Token,
}

impl Service {
    /// Does what `extract` asks for; [`Service::extract_told`] answers it. Between the two is the
    /// wait, of which nobody knows how long it is.
    ///
    /// # Errors
    /// Those of `export.start` and of its job; `NOT_FOUND` and `AMBIGUOUS` for the album, before
    /// there is a job; `INVALID_PARAMS` where no library is named and not exactly one is granted;
    /// `CANCELLED`, `SHUTTING_DOWN`.
    pub(crate) async fn extract(
        self: Arc<Self>,
        caller: &Caller,
        params: ExtractParams,
    ) -> Result<Extracted, WireError> {
        let began = Moment::now();
        let spec = self.extract_spec(caller, &params)?;
        let granted = Arc::new(self.grant_export(caller, METHOD, &spec)?);
        let root = Arc::clone(self.places.root(granted.write.covers().root())?);
        let ExtractParams { album, key, .. } = params;
        let title = self.title(caller, &granted, &album, &spec).await?;
        let job = self.exported(caller, spec, key).await?;
        Ok(Extracted { began, granted, root, album, title, job })
    }

    /// Answers `extract`, once it is done.
    ///
    /// # Errors
    /// `EXPIRED` where the report is gone, and those of reading it and the library.
    pub(crate) async fn extract_told(
        &self,
        caller: &Caller,
        extracted: Extracted,
    ) -> Result<ExtractResult, WireError> {
        let Extracted { began, granted, root, album, title, job } = extracted;
        let told = self.told(caller, &granted, &root, job, title).await?;
        let whole = told.skipped.is_empty() && told.failed.is_empty();
        Ok(ExtractResult {
            status: if whole { ExtractStatus::Success } else { ExtractStatus::Partial },
            success: whole,
            message: told.message(),
            truncated: told.is_truncated(),
            album,
            export_path: told.folder,
            count: told.count,
            media_count: told.count,
            photos: told.photos,
            media_files: told.media,
            extraction_time: began.elapsed().as_secs_f64().max(LEAST_TIME),
            job: told.job,
            more_skipped: told.skipped.more(),
            more_failed: told.failed.more(),
            skipped: told.skipped.into_rows(),
            failed: told.failed.into_rows(),
        })
    }

    fn extract_spec(
        &self,
        caller: &Caller,
        params: &ExtractParams,
    ) -> Result<ExportSpec, WireError> {
        let library = match &params.library {
            Some(library) => library.clone(),
            None => self.only_library(caller, METHOD)?,
        };
        let ExtractOptions { versions, live, raw, include, layout, sidecars } = &params.options;
        Ok(ExportSpec {
            filter: Filter::Album(params.album.clone()),
            versions: *versions,
            live: *live,
            raw: *raw,
            include: include.clone(),
            layout: layout.clone(),
            sidecars: sidecars.clone(),
            ..ExportSpec::of(library, params.export_path.clone())
        })
    }

    /// The album's title. That there is one such album is found out here, before there is a job.
    async fn title(
        &self,
        caller: &Caller,
        granted: &Arc<Granted>,
        album: &str,
        spec: &ExportSpec,
    ) -> Result<String, WireError> {
        let query = Query {
            filter: spec.filter.clone(),
            fields: [Field::AlbumInfo].into_iter().collect(),
            include: spec.include.clone(),
            sort: Sort::Uuid,
            descending: false,
            limit: 1,
            after: None,
        };
        let (source, album, limit) = (Arc::clone(granted), album.to_owned(), self.deadline(caller));
        let look = move || {
            let page = source.library.query(&source.read, &query, &limit);
            let page = page.map_err(|error| fault::library(&error))?;
            Ok(Named::title(page.assets.json(), &album).unwrap_or(album))
        };
        self.readers.read_for(caller, granted.read.covers().library(), look).await
    }

    /// Has the album exported, or joins the job that does it, and waits for its end.
    async fn exported(
        self: &Arc<Self>,
        caller: &Caller,
        spec: ExportSpec,
        key: Option<String>,
    ) -> Result<Token, WireError> {
        if caller.has_given_up() {
            return Err(fault::given_up());
        }
        let (order, work) = self.export_work(caller, METHOD, spec, key)?;
        let wish = order.wish.clone();
        let submitted = self.jobs.submit(random_token(), order, work);
        let submitted = submitted.map_err(|error| fault::busy(&error))?;
        if submitted.order.wish != wish {
            return Err(fault::key_of_another());
        }
        let id = submitted.id;
        let ended = tokio::select! {
            biased;
            job = self.jobs.ended(&id) => job,
            () = caller.no_longer_waits() => {
                if caller.has_given_up() {
                    self.jobs.stopped(&id, caller.left()).await;
                }
                return Err(fault::given_up());
            }
        };
        finished(ended.ok_or_else(fault::no_such_job)?)
    }

    /// What the report of a finished job says, page by page.
    async fn told(
        &self,
        caller: &Caller,
        granted: &Arc<Granted>,
        root: &Arc<RootDir>,
        job: Token,
        title: String,
    ) -> Result<Told, WireError> {
        let mut told = Told::of(job, root.real_path(), granted.write.covers().path(), title);
        loop {
            let (granted, root, limit) =
                (Arc::clone(granted), Arc::clone(root), self.deadline(caller));
            let library = granted.read.covers().library().clone();
            let read = move || {
                let source = Source { granted: &granted, root: &root, limit: &limit };
                told.page(&source).map(|more| (told, more))
            };
            let more;
            (told, more) = self.readers.read_for(caller, &library, read).await?;
            if !more {
                return Ok(told);
            }
        }
    }
}

/// The job, if it did what it was to do.
fn finished(job: Snapshot) -> Result<Token, WireError> {
    match job.state {
        State::Finished => Ok(job.id),
        State::Failed(error) => Err(error),
        State::Cancelled => Err(fault::job_cancelled()),
        // It is over, so it is neither of the first two.
        State::Interrupted | State::Queued | State::Running => Err(fault::broken_off()),
    }
}
