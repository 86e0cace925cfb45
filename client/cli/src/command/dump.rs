//! `dump`: everything that the library tells of every asset, one line of JSON each, by UUID.
//!
//! One page at a time is a walk along the cursor. More at once need names that are asked for ahead,
//! so that both readers of the daemon work while lines are written; lines come out in order
//! whatever is answered first. What is passed on is the daemon's text. The hazard: a library that
//! is larger than memory; at most so many pages are held as are asked for at once.
#![expect(clippy::disallowed_methods, reason = "asks for pages ahead: a task each, few of them")]

use std::collections::VecDeque;
use std::panic::resume_unwind;

use darkslide_client::protocol::field::{Field, Fields};
use darkslide_client::protocol::filter::{Filter, Include, Sort};
use darkslide_client::protocol::limits::{MAX_PAGE_ASSETS, MAX_UUIDS};
use darkslide_client::protocol::message::asset::{AssetPage, AssetQueryParams, AssetsByUuid};
use darkslide_client::protocol::method::{AssetQuery, Method};
use darkslide_client::protocol::value::Uuid;
use darkslide_client::{AssetPages, Client, Error, ProtocolError};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;

use super::{records, select};
use crate::args::DumpArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;
use crate::session::Session;

/// Bytes that a page is asked to have: the daemon reads no more of it than some megabyte, and names
/// those that it left out.
const PAGE_BYTES: usize = 400 * 1024;
/// Assets of the first page, before it is known how large they are.
const FIRST_PAGE_ASSETS: usize = 100;

/// A checked dump.
#[derive(Debug)]
pub(crate) struct Dump {
    filter: Filter,
    fields: Fields,
    at_once: usize,
}

/// What is read of an asset while names are listed.
#[derive(Debug, Deserialize)]
struct Name {
    uuid: Uuid,
}

type Page = Result<AssetsByUuid<Box<RawValue>>, Error>;

impl Dump {
    pub(crate) fn new(args: &DumpArgs) -> Result<Self, Failure> {
        let all = [String::from("*")];
        let fields = if args.fields.is_empty() { &all[..] } else { &args.fields };
        Ok(Self {
            filter: select::filter(&args.select)?,
            fields: records::fields(fields)?,
            at_once: usize::from(args.at_once),
        })
    }

    /// Runs it.
    pub(crate) async fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Failure> {
        let library = session.library().await?;
        if self.at_once == 1 {
            self.walk(&session.client, &library, output).await?;
        } else {
            self.ahead(&session.client, &library, output).await?;
        }
        Ok(Exit::Done)
    }

    /// One page after the other.
    async fn walk(
        &self,
        client: &Client,
        library: &str,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let mut params = self.query(library, self.fields);
        params.limit = FIRST_PAGE_ASSETS;
        loop {
            let page: AssetPage<Box<RawValue>> = client.call_as::<AssetQuery, _>(&params).await?;
            write(&page.assets, output, &mut params.limit)?;
            if page.next.is_none() {
                return Ok(());
            }
            // A cursor that leads back to itself would be followed for ever.
            if page.next == params.cursor {
                let error = ProtocolError::PageLoop { method: AssetQuery::NAME };
                return Err(Error::from(error).into());
            }
            params.cursor = page.next;
        }
    }

    /// Several pages at once.
    async fn ahead(
        &self,
        client: &Client,
        library: &str,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let names = self.query(library, [Field::Uuid].into_iter().collect());
        let mut names = Names::new(client.assets(names));
        let mut pages: VecDeque<JoinHandle<Page>> = VecDeque::new();
        let mut page_assets = FIRST_PAGE_ASSETS;
        loop {
            while pages.len() < self.at_once {
                let uuids = names.take(page_assets).await?;
                if uuids.is_empty() {
                    break;
                }
                let (client, library) = (client.clone(), library.to_owned());
                pages.push_back(tokio::spawn(records::get(client, library, uuids, self.fields)));
            }
            let Some(page) = pages.pop_front() else { break };
            let page = page.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
            // One that is gone meanwhile is left out.
            write(&page?.assets, output, &mut page_assets)?;
        }
        Ok(())
    }

    /// Everything that this client may see.
    fn query(&self, library: &str, fields: Fields) -> AssetQueryParams {
        let mut params = AssetQueryParams::of(library);
        params.filter = self.filter.clone();
        params.include = Include::ALL.to_vec();
        params.fields = fields;
        params.sort = Sort::Uuid;
        params.limit = MAX_PAGE_ASSETS;
        params
    }
}

/// Writes the lines of a page, from which follows how many assets the next one should have.
fn write(
    page: &[Box<RawValue>],
    output: &mut Output,
    page_assets: &mut usize,
) -> Result<(), Failure> {
    page.iter().try_for_each(|record| output.record(record.get()))?;
    output.flush()?;
    let bytes: usize = page.iter().map(|record| record.get().len()).sum();
    if let Some(each) = bytes.checked_div(page.len()) {
        *page_assets = (PAGE_BYTES / each.max(1)).clamp(1, MAX_UUIDS.min(MAX_PAGE_ASSETS));
    }
    Ok(())
}

/// The names of the assets, some of them asked for and not yet taken.
struct Names {
    pages: AssetPages,
    waiting: VecDeque<Uuid>,
}

impl Names {
    fn new(pages: AssetPages) -> Self {
        Self { pages, waiting: VecDeque::new() }
    }

    /// Takes at most so many; none when there are no more.
    async fn take(&mut self, most: usize) -> Result<Vec<Uuid>, Error> {
        while self.waiting.is_empty() {
            match self.pages.next_page_as::<Name>().await? {
                Some(names) => self.waiting.extend(names.into_iter().map(|name| name.uuid)),
                None => break,
            }
        }
        Ok(self.waiting.drain(..self.waiting.len().min(most)).collect())
    }
}
