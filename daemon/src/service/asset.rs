//! `asset.query`, `asset.count`, `asset.get`: rows of the library as assets of the wire.
//!
//! A cursor is opened here and nowhere below: it names a place in the order, and filter and grant
//! are applied anew to each page. Assets come from the library as text and are passed on as such.

use darkslide_library::{CursorError, Position, Query};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::message::asset::{
    AssetCount, AssetCountParams, AssetGetParams, AssetPage, AssetQueryParams, AssetsByUuid,
};

use super::{Caller, Service, Text, fault};
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
    ) -> Result<Text, WireError> {
        let AssetQueryParams { library, filter, include, fields, sort, descending, limit, cursor } =
            params;
        let name = library.clone();
        self.read::<method::AssetQuery, _, _>(caller, &library, move |library, grant, deadline| {
            let mut query = Query { filter, fields, include, sort, descending, limit, after: None };
            let after = cursor.map(|cursor| Position::from_cursor(&cursor, &query, &name));
            query.after = after.transpose().map_err(|error| expired(&error))?;
            let page =
                library.query(grant, &query, deadline).map_err(|error| fault::library(&error))?;
            let next = page.next.map(|position| position.to_cursor(&query, &name));
            Ok(Text(AssetPage::text(page.assets.into_json(), next.as_deref(), page.consistent)))
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
        let AssetCountParams { library, filter, include, with } = params;
        self.read::<method::AssetCount, _, _>(caller, &library, move |library, grant, deadline| {
            let counted = library
                .count_with(grant, &filter, &include, &with, deadline)
                .map_err(|error| fault::library(&error))?;
            let found = counted.found;
            Ok(AssetCount {
                count: found.count,
                bytes: found.bytes,
                not_local: found.not_local,
                kinds: found.kinds.map(|kinds| kinds.into_iter().collect()),
                consistent: counted.consistent,
            })
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
    ) -> Result<Text, WireError> {
        self.read::<method::AssetGet, _, _>(
            caller,
            &params.library,
            move |library, grant, deadline| {
                let got = library
                    .get(grant, &params.uuids, params.fields, deadline)
                    .map_err(|error| fault::library(&error))?;
                Ok(Text(AssetsByUuid::text(got.assets.into_json(), &got.unknown, &got.rest)))
            },
        )
        .await
    }
}

fn expired(error: &CursorError) -> WireError {
    WireError::new(ErrorName::Expired, Reason::Expired, error.to_string(), error.hint())
}
