//! `resource.list`: the files of assets as the wire has them.
//!
//! Where files are and why one is not is found below; here it becomes words of the wire, and
//! nothing is decided.

use darkslide_library::{Absence as Why, Presence, Version as Which};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::resource::{
    Absence, AssetResources, Resource, ResourceList, ResourceListParams, Version,
};
use darkslide_protocol::method;

use super::{Caller, Service, fault};

impl Service {
    /// Answers `resource.list`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn resource_list(
        &self,
        caller: &Caller,
        params: ResourceListParams,
    ) -> Result<ResourceList, WireError> {
        let ResourceListParams { library, uuids } = params;
        self.read::<method::ResourceList, _, _>(
            caller,
            &library,
            move |library, grant, deadline| {
                let listed = library
                    .list_resources(grant, &uuids, deadline)
                    .map_err(|error| fault::library(&error))?;
                Ok(ResourceList {
                    assets: listed.assets.into_iter().map(asset).collect(),
                    unknown: listed.unknown,
                    rest: listed.rest,
                })
            },
        )
        .await
    }
}

fn asset(found: darkslide_library::AssetResources) -> AssetResources {
    let resources = found.resources.into_iter().map(wire).collect();
    AssetResources { uuid: found.uuid, resources }
}

fn wire(row: darkslide_library::Resource) -> Resource {
    let reason = match &row.presence {
        Presence::Here { .. } | Presence::Outside { .. } => None,
        Presence::Absent(why) => Some(absence(*why)),
    };
    Resource {
        version: version(row.version),
        local: reason.is_none(),
        reason,
        path: row.presence.path_text().map(str::to_owned),
        size: row.bytes,
        uti: row.uti,
    }
}

pub(super) fn version(which: Which) -> Version {
    match which {
        Which::Original => Version::Original,
        Which::Edited => Version::Edited,
        Which::LiveVideo => Version::LiveVideo,
        Which::EditedLiveVideo => Version::EditedLiveVideo,
        Which::Raw => Version::Raw,
        Which::Aae => Version::Aae,
        Which::OriginalAae => Version::OriginalAae,
        Which::Preview => Version::Preview,
    }
}

pub(super) fn which(version: Version) -> Which {
    match version {
        Version::Original => Which::Original,
        Version::Edited => Which::Edited,
        Version::LiveVideo => Which::LiveVideo,
        Version::EditedLiveVideo => Which::EditedLiveVideo,
        Version::Raw => Which::Raw,
        Version::Aae => Which::Aae,
        Version::OriginalAae => Which::OriginalAae,
        Version::Preview => Which::Preview,
    }
}

fn absence(why: Why) -> Absence {
    match why {
        Why::InICloud => Absence::InICloud,
        Why::NotOnDisk => Absence::NotOnDisk,
        Why::Referenced => Absence::Referenced,
        Why::VolumeAbsent => Absence::VolumeAbsent,
        Why::NotSaved => Absence::NotSaved,
        Why::NoRender => Absence::NoRender,
        Why::OutsideBundle => Absence::OutsideBundle,
        Why::NotAFile => Absence::NotAFile,
        Why::BadName => Absence::BadName,
        Why::Unreadable => Absence::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use darkslide_protocol::error::ErrorName;

    use super::*;

    #[test]
    fn versions_and_reasons_have_the_same_words_on_both_sides() {
        for which in Which::ALL {
            assert_eq!(version(*which).as_str(), which.as_str());
            assert_eq!(super::which(version(*which)), *which);
        }
        for why in Why::ALL {
            assert_eq!(absence(*why).as_str(), why.as_str());
            let error = fault::not_local(*why);
            assert_eq!(error.data.reason.as_str(), why.as_str());
            assert!(error.data.name == ErrorName::NotLocal && !error.data.hint.is_empty());
        }
        assert_eq!(Version::ALL.len(), Which::ALL.len());
        assert_eq!(Absence::ALL.len(), Why::ALL.len());
    }
}
