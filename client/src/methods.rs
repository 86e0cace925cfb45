//! The list of calls: a name for each method of the wire, stated once.
//!
//! Both clients, the one that awaits and the one that blocks, are made from it, so that neither can
//! lack a method that the other has. Methods whose result is more than its text (a descriptor, a
//! subscription) are written by hand, in both.

/// Hands the list to a macro.
macro_rules! with_calls {
    ($then:ident) => {
        $then! {
            /// Who serves, and what the kernel says is enforced.
            health = Health;
            /// The whole wire as an OpenRPC document.
            rpc_discover = RpcDiscover;
            /// What this client is granted.
            policy_show = PolicyShow;
            /// The libraries that this client may read.
            library_list = LibraryList;
            /// What a library is and holds.
            library_info = LibraryInfo;
            /// Albums, folders and what else gathers assets.
            album_list = AlbumList;
            /// Which values a thing has among assets, and how many assets have each.
            facet_list = FacetList;
            /// One page of the assets that fit a filter; [`Client::assets`] walks them all.
            asset_query = AssetQuery;
            /// How many assets fit a filter.
            asset_count = AssetCount;
            /// Assets by UUID.
            asset_get = AssetGet;
            /// The files of assets: every version, on this disk or not.
            resource_list = ResourceList;
            /// A part of a file as bytes, for who cannot or may not have it open;
            /// `resource_open` otherwise.
            resource_read = ResourceRead;
            /// The newest place in a library's history.
            change_token = ChangeToken;
            /// What changed since a place in the history, page by page.
            change_since = ChangeSince;
            /// One page of what an export would do; [`Client::plan`] walks them all.
            export_plan = ExportPlan;
            /// Starts an export; [`Client::export`] follows it, too.
            export_start = ExportStart;
            /// The jobs that this client may know of, the newest first.
            job_list = JobList;
            /// Compares a destination with its record; [`Client::follow`] follows the job.
            export_verify = ExportVerify;
            /// Plans a prune, or carries one out; [`Client::follow`] follows the job.
            export_prune = ExportPrune;
            /// What has been exported where.
            export_destinations = ExportDestinations;
            /// How far a job is.
            job_status = JobStatus;
            /// One page of what became of each resource; [`Client::report`] walks them all.
            job_report = JobReport;
            /// Asks a job to stop.
            job_cancel = JobCancel;
            /// Goes on with a job that failed, was cancelled or interrupted.
            job_resume = JobResume;
        }
    };
}

pub(crate) use with_calls;
