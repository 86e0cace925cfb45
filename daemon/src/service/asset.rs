//! `asset.query`, `asset.count`, `asset.get`: rows of the library as assets of the wire.
//!
//! A cursor is opened here and nowhere below: it names a place in the order, and filter and grant
//! are applied anew to each page. Field names are those that osxphotos prints; dates become text
//! here.

use darkslide_library::{CursorError, Position, Query};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::message::asset::{
    Asset, AssetCount, AssetCountParams, AssetGetParams, AssetPage, AssetQueryParams, AssetsByUuid,
};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

impl Service {
    /// Answers `asset.query`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `EXPIRED`, and those of the library.
    pub(crate) async fn asset_query(
        &self,
        caller: &Caller,
        params: AssetQueryParams,
    ) -> Result<AssetPage, WireError> {
        let AssetQueryParams { library, filter, include, sort, descending, limit, cursor } = params;
        let name = library.clone();
        self.read::<method::AssetQuery, _, _>(caller, &library, move |library, grant, deadline| {
            let mut query = Query { filter, include, sort, descending, limit, after: None };
            let after = cursor.map(|cursor| Position::from_cursor(&cursor, &query, &name));
            query.after = after.transpose().map_err(|error| expired(&error))?;
            let page =
                library.query(grant, &query, deadline).map_err(|error| fault::library(&error))?;
            Ok(AssetPage {
                next: page.next.map(|position| position.to_cursor(&query, &name)),
                assets: page.assets.into_iter().map(wire).collect(),
            })
        })
        .await
    }

    /// Answers `asset.count`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn asset_count(
        &self,
        caller: &Caller,
        params: AssetCountParams,
    ) -> Result<AssetCount, WireError> {
        let AssetCountParams { library, filter, include } = params;
        self.read::<method::AssetCount, _, _>(caller, &library, move |library, grant, deadline| {
            let counted = library
                .count(grant, &filter, &include, deadline)
                .map_err(|error| fault::library(&error))?;
            Ok(AssetCount { count: counted.found, consistent: counted.consistent })
        })
        .await
    }

    /// Answers `asset.get`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn asset_get(
        &self,
        caller: &Caller,
        params: AssetGetParams,
    ) -> Result<AssetsByUuid, WireError> {
        self.read::<method::AssetGet, _, _>(
            caller,
            &params.library,
            move |library, grant, deadline| {
                let got = library
                    .get(grant, &params.uuids, deadline)
                    .map_err(|error| fault::library(&error))?;
                Ok(AssetsByUuid {
                    assets: got.assets.into_iter().map(wire).collect(),
                    unknown: got.unknown,
                    rest: got.rest,
                })
            },
        )
        .await
    }
}

fn expired(error: &CursorError) -> WireError {
    WireError::new(ErrorName::Expired, Reason::Expired, error.to_string(), error.hint())
}

fn wire(row: darkslide_library::Asset) -> Asset {
    let text = |date: Option<darkslide_library::Date>| date.map(|date| date.to_string());
    Asset {
        uuid: row.uuid.to_string(),
        filename: row.filename,
        original_filename: row.original_filename,
        title: row.title,
        description: row.description,
        date: text(row.date),
        date_added: text(row.date_added),
        date_modified: text(row.date_modified),
        date_trashed: text(row.date_trashed),
        tzoffset: row.tzoffset,
        tzname: row.tzname,
        ismovie: row.ismovie,
        isphoto: row.isphoto,
        live_photo: row.live_photo,
        panorama: row.panorama,
        portrait: row.portrait,
        selfie: row.selfie,
        screenshot: row.screenshot,
        screen_recording: row.screen_recording,
        slow_mo: row.slow_mo,
        time_lapse: row.time_lapse,
        hdr: row.hdr,
        spatial: row.spatial,
        burst: row.burst,
        burst_key: row.burst_key,
        burst_selected: row.burst_selected,
        has_raw: row.has_raw,
        raw_original: row.raw_original,
        israw: row.israw,
        favorite: row.favorite,
        hidden: row.hidden,
        visible: row.visible,
        intrash: row.intrash,
        hasadjustments: row.hasadjustments,
        height: row.height,
        width: row.width,
        original_height: row.original_height,
        original_width: row.original_width,
        original_orientation: row.original_orientation,
        original_filesize: row.original_filesize,
        albums: row.albums,
        keywords: row.keywords,
        path: row.path.map(|path| path.to_string()),
        ismissing: row.ismissing,
        isreference: row.isreference,
        shared: row.shared,
        problem: row.problem.map(|problem| problem.to_string()),
    }
}
