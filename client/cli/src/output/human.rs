//! Results as a person reads them. Pure: a value and a style become text; who writes it is
//! another's business.
//!
//! May change from version to version; programs use `--json`. Every text that comes from a library
//! or a peer goes through a table or `plain`, which make it harmless.

use darkslide_client::protocol::filter::Facet;
use darkslide_client::protocol::message::album::{AlbumList, AlbumOrder};
use darkslide_client::protocol::message::asset::{Asset, AssetCount};
use darkslide_client::protocol::message::change::{ChangeSince, ChangeToken};
use darkslide_client::protocol::message::facet::FacetList;
use darkslide_client::protocol::message::health::{Confinement, Health};
use darkslide_client::protocol::message::job::{JobStatus, Outcome, ReportRow};
use darkslide_client::protocol::message::library::LibraryInfo;
use darkslide_client::protocol::message::policy::PolicyShow;
use darkslide_client::protocol::message::resource::AssetResources;

use super::plain;
use super::style::Style;
use super::table::{Align, Table};

/// Rows of what is not done that a person is shown; a program gets all.
const SHOWN_ROWS: usize = 20;

/// What a library is and holds.
pub(crate) fn library(info: &LibraryInfo, style: Style) -> String {
    let mut table = Table::of_pairs();
    table.row(["library", &info.library]);
    table.row(["uuid", info.uuid.as_deref().unwrap_or("none")]);
    let model = info.model_version.map_or_else(String::new, |model| format!(" (model {model})"));
    table.row(["photos", &format!("{}{model}", info.photos_version)]);
    table.row(["journal", &info.journal]);
    let all = info.photos.saturating_add(info.movies);
    table.row(["assets", &format!("{all} ({} photos, {} movies)", info.photos, info.movies)]);
    let beside = [
        ("hidden", info.hidden),
        ("trashed", info.trashed),
        ("not selected of bursts", Some(info.unselected).filter(|count| *count > 0)),
        ("without a uuid", Some(info.nameless).filter(|count| *count > 0)),
    ];
    for (name, count) in beside {
        if let Some(count) = count {
            table.row([name, &count.to_string()]);
        }
    }
    if let (Some(first), Some(last)) = (&info.first_taken, &info.last_taken) {
        table.row(["taken", &format!("{} to {}", day(first), day(last))]);
    }
    table.row(["originals", &bytes(info.original_bytes)]);
    if !info.lacks.is_empty() {
        table.row(["lacks", &info.lacks.join(", ")]);
    }
    table.render(style)
}

/// Albums and folders.
pub(crate) fn albums(list: &AlbumList, style: Style) -> String {
    let columns = [
        ("album", Align::Name(24)),
        ("kind", Align::Left),
        ("assets", Align::Right),
        ("from", Align::Left),
        ("to", Align::Left),
        ("order", Align::Left),
        ("uuid", Align::Left),
    ];
    let mut table = Table::new(&columns).sparing(&["order", "to", "from"]);
    for album in &list.albums {
        let title = if album.title.is_empty() { "(untitled)" } else { &album.title };
        let path =
            album.folders.iter().map(String::as_str).chain([title]).collect::<Vec<_>>().join("/");
        let path = match &album.problem {
            Some(problem) => format!("{path} (problem: {problem})"),
            None => path,
        };
        let count = match album.count {
            Some(count) => count.to_string(),
            None if album.evaluated => String::new(),
            None => "not evaluated".to_owned(),
        };
        let order = album.sort_order.map_or("", AlbumOrder::as_str);
        let [from, to] = [&album.start, &album.end].map(|date| date.as_deref().map_or("", day));
        table.row([&path, album.kind.as_str(), &count, from, to, order, &album.uuid]);
    }
    table.render(style)
}

/// Assets, a row each.
pub(crate) fn assets(assets: &[Asset], style: Style) -> String {
    let columns = [
        ("taken", Align::Left),
        ("name", Align::Name(12)),
        ("kind", Align::Left),
        ("size", Align::Right),
        ("marks", Align::Name(7)),
        ("title", Align::Name(12)),
        ("uuid", Align::Left),
    ];
    let mut table = Table::new(&columns).sparing(&["size", "title", "kind"]);
    for asset in assets {
        let size = match (asset.original_width, asset.original_height) {
            (Some(width), Some(height)) => format!("{width}x{height}"),
            _ => String::new(),
        };
        let title = asset.title.as_deref().unwrap_or("");
        let row = [
            &asset.date.as_deref().map_or_else(String::new, moment),
            asset.original_filename.as_str(),
            kind(asset),
            &size,
            &marks(asset),
            title,
            &asset.uuid,
        ];
        table.row(row);
    }
    table.render(style)
}

/// The files of assets, a row each.
pub(crate) fn resources(assets: &[AssetResources], style: Style) -> String {
    let columns = [
        ("version", Align::Left),
        ("size", Align::Right),
        ("path or reason", Align::Name(24)),
        ("uti", Align::Left),
        ("uuid", Align::Left),
    ];
    let mut table = Table::new(&columns).sparing(&["uti", "size"]);
    for asset in assets {
        for file in &asset.resources {
            let why = file.reason.map_or_else(String::new, |reason| format!("not here: {reason}"));
            let row = [
                file.version.as_str(),
                &file.size.map_or_else(String::new, bytes),
                file.path.as_deref().unwrap_or(&why),
                file.uti.as_deref().unwrap_or(""),
                asset.uuid.as_str(),
            ];
            table.row(row);
        }
    }
    table.render(style)
}

fn kind(asset: &Asset) -> &'static str {
    if asset.live_photo {
        "live"
    } else if asset.ismovie {
        "movie"
    } else if asset.has_raw {
        "raw pair"
    } else if asset.israw {
        "raw"
    } else {
        "photo"
    }
}

fn marks(asset: &Asset) -> String {
    let marks = [
        (asset.favorite, "favorite"),
        (asset.hasadjustments, "edited"),
        (asset.hidden, "hidden"),
        (asset.intrash, "trashed"),
        (asset.path.is_none(), "missing"),
        (asset.problem.is_some(), "problem"),
    ];
    let set: Vec<&str> =
        marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| *mark).collect();
    set.join(", ")
}

/// How many: the number alone, unless more was asked for.
pub(crate) fn count(count: &AssetCount, style: Style) -> String {
    let AssetCount { bytes: size, not_local, kinds, .. } = count;
    if size.is_none() && not_local.is_none() && kinds.is_none() {
        return count.count.to_string();
    }
    let mut table = Table::new(&[("", Align::Left), ("", Align::Right)]);
    table.row(["assets", &count.count.to_string()]);
    for (kind, count) in kinds.iter().flatten() {
        table.row([kind.as_str(), &count.to_string()]);
    }
    if let Some(not_local) = not_local {
        table.row(["not on this disk", &not_local.to_string()]);
    }
    if let Some(size) = size {
        table.row(["originals", &bytes(*size)]);
    }
    table.render(style)
}

/// The values of a thing, and how many assets have each.
pub(crate) fn facets(list: &FacetList, facet: Facet, style: Style) -> String {
    let mut table = Table::new(&[(facet.as_str(), Align::Name(12)), ("assets", Align::Right)]);
    for value in &list.values {
        table.row([&value.value, &value.count.to_string()]);
    }
    table.render(style)
}

/// Who serves, and what is enforced.
pub(crate) fn health(health: &Health, style: Style) -> String {
    let mut table = Table::of_pairs();
    table.row([
        "service",
        &format!("{} {} (protocol {})", health.service, health.version, health.protocol),
    ]);
    table.row(["instance", health.instance.as_str()]);
    let Some(detail) = &health.detail else {
        return table.render(style);
    };
    table.row(["pid", &detail.pid.to_string()]);
    if !detail.started_by.is_empty() {
        table.row(["started by", &detail.started_by]);
    }
    table.row(["up", &format!("{} s", detail.uptime_ms / 1000)]);
    for (name, places) in [("library", &detail.libraries), ("root", &detail.roots)] {
        for place in places {
            table.row([name, &format!("{}: {}", place.name, place.state)]);
        }
    }
    let jobs = detail.jobs;
    table.row(["jobs", &format!("{} running, {} waiting", jobs.running, jobs.waiting)]);
    if let Some(problem) = &detail.policy_problem {
        table.row(["policy", problem]);
    }
    format!("{}\n\n{}", table.render(style), confinement(&detail.confinement, style))
}

/// What the kernel says is enforced, and how it refused what was tried.
pub(crate) fn confinement(confinement: &Confinement, style: Style) -> String {
    let verdict = if confinement.enforced {
        style.green("confined: everything that is required is enforced")
    } else {
        style.red("NOT confined as required")
    };
    let mut table = Table::of_pairs();
    let landlock = match confinement.landlock_abi {
        0 => "not enforced".to_owned(),
        abi => format!("enforced (ABI {abi})"),
    };
    let enforced = |is: bool| if is { "enforced" } else { "not enforced" };
    if confinement.seatbelt {
        // It stands for the three others, which that system does not have.
        table.row(["Seatbelt", enforced(true)]);
    } else {
        table.row(["Landlock", &landlock]);
        table.row(["seccomp", enforced(confinement.seccomp)]);
        table.row(["no new privileges", enforced(confinement.no_new_privs)]);
    }
    table.row(["truncation refused by", &confinement.truncation]);
    for missing in &confinement.missing {
        table.row(["missing", missing]);
    }
    let mut text = format!("{verdict}\n{}", table.render(style));
    if !confinement.refusals.is_empty() {
        let columns = [("tried and refused", Align::Left), ("the kernel's answer", Align::Left)];
        let mut refusals = Table::new(&columns);
        for refusal in &confinement.refusals {
            refusals.row([&refusal.tried, &refusal.answer]);
        }
        text.push_str(&format!("\n\n{}", refusals.render(style)));
    }
    text
}

/// What is granted.
pub(crate) fn policy(policy: &PolicyShow, style: Style) -> String {
    let mut table = Table::of_pairs();
    table.row(["rule", &format!("{} (uid {})", policy.rule, policy.uid)]);
    table.row(["methods", &policy.methods.join(", ")]);
    for library in &policy.libraries {
        let with = match (library.hidden, library.trashed) {
            (true, true) => ", hidden and trashed assets too",
            (true, false) => ", hidden assets too",
            (false, true) => ", trashed assets too",
            (false, false) => "",
        };
        let location = if library.location { "" } else { ", without locations" };
        let albums = library.albums.as_ref().map(|albums| albums.join(", "));
        let albums = albums.map_or_else(String::new, |albums| format!(", only of {albums}"));
        table.row(["library", &format!("{}{with}{location}{albums}", library.name)]);
        for folder in &library.referenced {
            table.row(["referenced", folder]);
        }
    }
    for root in &policy.roots {
        let most =
            root.max_bytes.map_or_else(String::new, |most| format!(", at most {}", bytes(most)));
        table.row(["root", &format!("{}: {}{most}", root.name, root.path)]);
    }
    table.row(["resources", policy.resources.as_str()]);
    table.render(style)
}

/// A token, alone on its line, so that it can be taken from there.
pub(crate) fn change_token(token: &ChangeToken, _style: Style) -> String {
    plain::line(&token.token)
}

/// What changed: a line for each, with what became of it.
pub(crate) fn changes(changes: &ChangeSince, _style: Style) -> String {
    let albums = &changes.albums;
    let lists = [
        ("new", &changes.inserted),
        ("changed", &changes.updated),
        ("deleted", &changes.deleted),
        ("new album", &albums.inserted),
        ("changed album", &albums.updated),
        ("deleted album", &albums.deleted),
    ];
    let lines = lists.into_iter().flat_map(|(what, uuids)| {
        uuids.iter().map(move |uuid| plain::line(&format!("{what:<13}  {uuid}")))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How an export ended, in a few lines.
pub(crate) fn export(status: &JobStatus, destination: &str, style: Style) -> String {
    let copied = status.outcomes.get(&Outcome::Copied).copied().unwrap_or(0);
    let first = format!(
        "copied {}, {}, to {}",
        counted(copied, "file"),
        bytes(status.bytes_done),
        plain::line(destination)
    );
    let mut lines = vec![style.bold(&first)];
    for (outcome, count) in &status.outcomes {
        if *outcome != Outcome::Copied && *count > 0 {
            lines.push(format!("{}: {count}", in_words(*outcome)));
        }
    }
    if status.selected == 0 {
        lines.push("nothing was selected".to_owned());
    }
    lines.join("\n")
}

/// The rows that are not done, each with its reason.
pub(crate) fn undone(rows: &[ReportRow]) -> String {
    let line = |row: &ReportRow| {
        let reason = row.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
        let at = row.path.as_deref().map_or_else(String::new, |path| format!(", at {path}"));
        let (name, version) = (&row.original_filename, &row.version);
        let line =
            format!("{}: {name} ({version}){reason}{at}  [{}]", in_words(row.outcome), row.asset);
        plain::line(&line)
    };
    let mut lines: Vec<String> = rows.iter().take(SHOWN_ROWS).map(line).collect();
    if rows.len() > SHOWN_ROWS {
        lines.push(format!("… and {} more; --json names all", rows.len() - SHOWN_ROWS));
    }
    lines.join("\n")
}

/// What a person can do about rows that are not done: a line for each kind of them.
pub(crate) fn hints(rows: &[ReportRow]) -> Vec<&'static str> {
    let mut hints = Vec::new();
    for hint in rows.iter().filter_map(hint) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

fn hint(row: &ReportRow) -> Option<&'static str> {
    match (row.outcome, row.reason.as_deref()) {
        (Outcome::Denied, _) => Some(
            "name the folder of the referenced files in the policy (`referenced`), or consolidate them in Photos, then run this again",
        ),
        (Outcome::NotLocal, Some("not-saved")) => {
            Some("save what is shared to the library in Photos, then run this again")
        }
        (Outcome::NotLocal, _) => Some(
            "open the library in Photos and let it download the originals, then run this again",
        ),
        (
            Outcome::Copied
            | Outcome::Updated
            | Outcome::Unchanged
            | Outcome::Adopted
            | Outcome::Renamed
            | Outcome::Kept
            | Outcome::Conflict
            | Outcome::Unreadable
            | Outcome::SourceChanged
            | Outcome::Intact
            | Outcome::Unproven
            | Outcome::Missing
            | Outcome::Changed
            | Outcome::Extra
            | Outcome::Unsettled
            | Outcome::Prunable
            | Outcome::Pruned,
            _,
        ) => None,
    }
}

pub(crate) fn in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Copied => "copied",
        Outcome::Unchanged => "unchanged",
        Outcome::Adopted => "found there, with equal content",
        Outcome::Renamed => "renamed",
        Outcome::Kept => "left as it is, for it was changed or removed since",
        Outcome::Updated => "written anew, for the library has a newer file",
        Outcome::Conflict => "not written, another file has its name",
        Outcome::NotLocal => "not on this disk",
        Outcome::Denied => "in a folder that the policy does not show",
        Outcome::Unreadable => "cannot be read",
        Outcome::SourceChanged => "changed while it was copied",
        Outcome::Intact => "intact",
        Outcome::Unproven => "there, but no digest is known to prove it",
        Outcome::Missing => "missing",
        Outcome::Changed => "changed",
        Outcome::Extra => "extra",
        Outcome::Unsettled => "in the middle of a job that was broken off",
        Outcome::Prunable => "to be pruned",
        Outcome::Pruned => "pruned",
    }
}

/// A number with its unit.
pub(crate) fn counted(count: u64, unit: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Bytes in decimal units, as disks are sold.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size);
    match unit {
        Some((size, name)) => format!("{}.{} {name}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} B"),
    }
}

/// The day of an instant.
fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}

/// Day and time of an instant, as the photo's own clock showed it.
fn moment(instant: &str) -> String {
    instant.get(..19).unwrap_or(instant).replace('T', " ")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use darkslide_client::protocol::filter::Kind;
    use darkslide_client::protocol::message::album::{Album, AlbumKind};
    use darkslide_client::protocol::message::change::AlbumChanges;
    use darkslide_client::protocol::message::facet::FacetValue;
    use darkslide_client::protocol::message::health::{PlaceState, Refusal};
    use darkslide_client::protocol::message::job::{JobKind, JobState};
    use darkslide_client::protocol::value::Token;

    use super::*;

    pub(crate) fn finished_job() -> JobStatus {
        JobStatus {
            job: Token::from_bits(7),
            kind: JobKind::Export,
            state: JobState::Finished,
            created: "2026-07-01T10:00:00.000Z".to_owned(),
            started: Some("2026-07-01T10:00:01.000Z".to_owned()),
            ended: Some("2026-07-01T10:02:00.000Z".to_owned()),
            library: "library".to_owned(),
            root: "destination".to_owned(),
            path: ".".to_owned(),
            selected: 15,
            files_total: 12,
            files_done: 12,
            bytes_total: 45_260_000,
            bytes_done: 45_260_000,
            rate: None,
            remaining: None,
            trashed: 0,
            outcomes: BTreeMap::from([
                (Outcome::Copied, 12),
                (Outcome::Unchanged, 1),
                (Outcome::NotLocal, 2),
            ]),
            error: None,
        }
    }

    pub(crate) fn undone_row(name: &str) -> ReportRow {
        ReportRow {
            asset: "1EB2B765-0765-43BA-A90C-0D0580E6172C".to_owned(),
            version: "original".to_owned(),
            original_filename: name.to_owned(),
            path: None,
            outcome: Outcome::NotLocal,
            bytes: None,
            blake3: None,
            reason: Some("in-cloud".to_owned()),
        }
    }

    #[test]
    fn an_export_is_summed_up() {
        insta::assert_snapshot!(export(&finished_job(), "/x\u{202e}", Style::PLAIN), @r"
        copied 12 files, 45.2 MB, to /x\u{202e}
        unchanged: 1
        not on this disk: 2
        ");
    }

    #[test]
    fn what_is_not_done_is_named_and_the_rest_is_counted() {
        let rows = [undone_row("IMG_1.JPG"), undone_row("a\x1b[2Jb.JPG")];
        insta::assert_snapshot!(undone(&rows), @r"
        not on this disk: IMG_1.JPG (original): in-cloud  [1EB2B765-0765-43BA-A90C-0D0580E6172C]
        not on this disk: a\u{1b}[2Jb.JPG (original): in-cloud  [1EB2B765-0765-43BA-A90C-0D0580E6172C]
        ");
        let many = vec![undone_row("IMG_1.JPG"); SHOWN_ROWS + 21];
        assert!(undone(&many).ends_with("… and 21 more; --json names all"));
    }

    #[test]
    fn each_kind_of_what_is_not_done_has_one_hint() {
        let row = |outcome, reason: Option<&str>| ReportRow {
            outcome,
            reason: reason.map(str::to_owned),
            ..undone_row("a.jpg")
        };
        assert!(hints(&[]).is_empty());
        assert!(hints(&[row(Outcome::Conflict, None), row(Outcome::Kept, None)]).is_empty());
        let rows = [
            row(Outcome::NotLocal, Some("in-icloud")),
            row(Outcome::NotLocal, Some("not-on-disk")),
            row(Outcome::Denied, Some("referenced")),
        ];
        insta::assert_snapshot!(hints(&rows).join("\n"), @r"
        open the library in Photos and let it download the originals, then run this again
        name the folder of the referenced files in the policy (`referenced`), or consolidate them in Photos, then run this again
        ");
    }

    #[test]
    fn long_names_leave_the_uuid_whole_on_a_narrow_terminal() {
        let uuid = "1EB2B765-0765-43BA-A90C-0D0580E6172C";
        let list = AlbumList {
            albums: vec![Album {
                uuid: uuid.to_owned(),
                kind: AlbumKind::Album,
                title: "Sponsion, Museum, Frühstück, Römermuseum".to_owned(),
                folders: vec!["Trips".to_owned()],
                evaluated: true,
                sort_order: Some(AlbumOrder::Oldest),
                key_photo: None,
                count: Some(1),
                created: None,
                start: Some("2017-06-20T10:00:00Z".to_owned()),
                end: Some("2017-06-21T10:00:00Z".to_owned()),
                problem: None,
            }],
            left_out: 0,
            consistent: true,
        };
        insta::assert_snapshot!(albums(&list, Style::of_width(80)), @r"
        album                        kind   assets  uuid
        Trips/Sponsion, Museum, Fr…  album       1  1EB2B765-0765-43BA-A90C-0D0580E6172C
        ");
        assert!(albums(&list, Style::of_width(20)).contains(uuid));
        assert!(albums(&list, Style::PLAIN).contains("Römermuseum"));
    }

    #[test]
    fn a_library_is_told_in_pairs() {
        let info = LibraryInfo {
            library: "main".to_owned(),
            uuid: Some("U".to_owned()),
            photos_version: "11.1".to_owned(),
            model_version: Some(19320),
            photos: 24,
            movies: 2,
            hidden: Some(1),
            trashed: None,
            unselected: 1,
            nameless: 0,
            first_taken: Some("2024-07-01T10:30:00+02:00".to_owned()),
            last_taken: Some("2024-07-20T10:30:00+02:00".to_owned()),
            original_bytes: 45_260_000,
            journal: "wal".to_owned(),
            lacks: Vec::new(),
            upgrade_unfinished: false,
            consistent: true,
        };
        insta::assert_snapshot!(library(&info, Style::PLAIN), @r"
        library                 main
        uuid                    U
        photos                  11.1 (model 19320)
        journal                 wal
        assets                  26 (24 photos, 2 movies)
        hidden                  1
        not selected of bursts  1
        taken                   2024-07-01 to 2024-07-20
        originals               45.2 MB
        ");
    }

    #[test]
    fn albums_show_their_folders_and_hostile_titles_do_nothing() {
        let album = |title: &str, folders: &[&str], count| Album {
            uuid: "U".to_owned(),
            kind: AlbumKind::Album,
            title: title.to_owned(),
            folders: folders.iter().map(|folder| (*folder).to_owned()).collect(),
            evaluated: true,
            sort_order: Some(AlbumOrder::Manual),
            key_photo: None,
            count,
            created: None,
            start: None,
            end: None,
            problem: None,
        };
        let list = AlbumList {
            albums: vec![
                album("Su\nmmer\u{202e}", &["Trips", "2024"], Some(12)),
                album("", &[], None),
            ],
            left_out: 0,
            consistent: true,
        };
        insta::assert_snapshot!(albums(&list, Style::PLAIN), @r"
        album                        kind   assets  from  to  order   uuid
        Trips/2024/Su\nmmer\u{202e}  album      12            manual  U
        (untitled)                   album                    manual  U
        ");
    }

    #[test]
    fn confinement_is_told_with_the_kernels_answers() {
        let told = Confinement {
            enforced: true,
            landlock_abi: 7,
            seatbelt: false,
            truncation: "landlock".to_owned(),
            seccomp: true,
            no_new_privs: true,
            refusals: vec![Refusal { tried: "list /".to_owned(), answer: "EACCES".to_owned() }],
            missing: Vec::new(),
        };
        insta::assert_snapshot!(confinement(&told, Style::PLAIN), @r"
        confined: everything that is required is enforced
        Landlock               enforced (ABI 7)
        seccomp                enforced
        no new privileges      enforced
        truncation refused by  landlock

        tried and refused  the kernel's answer
        list /             EACCES
        ");
        let on_a_mac = Confinement {
            landlock_abi: 0,
            seatbelt: true,
            truncation: "seatbelt".to_owned(),
            seccomp: false,
            no_new_privs: false,
            ..told.clone()
        };
        let text = confinement(&on_a_mac, Style::PLAIN);
        assert!(text.contains("Seatbelt               enforced"), "{text}");
        assert!(!text.contains("Landlock") && !text.contains("not enforced"), "{text}");
        let bare = Confinement {
            enforced: false,
            landlock_abi: 0,
            seatbelt: false,
            refusals: Vec::new(),
            missing: vec!["Landlock".to_owned()],
            ..told
        };
        let text = confinement(&bare, Style::PLAIN);
        assert!(text.starts_with("NOT confined") && text.contains("missing"), "{text}");
    }

    #[test]
    fn a_brief_health_has_no_details() {
        let brief = Health::new(Token::from_bits(1), "0.1.0".to_owned(), None);
        let text = health(&brief, Style::PLAIN);
        assert!(text.starts_with("service   darkslide 0.1.0 (protocol 1)"), "{text}");
        let place = PlaceState { name: "main".to_owned(), state: "ready".to_owned() };
        assert_eq!(place.state, "ready");
    }

    #[test]
    fn changes_are_told_a_line_each() {
        let list = |uuid: &str| vec![uuid.to_owned()];
        let told = ChangeSince {
            inserted: list("A"),
            updated: list("B"),
            deleted: list("C\u{202e}"),
            unknown_deleted: 0,
            incomplete: false,
            albums: AlbumChanges { deleted: list("D"), ..AlbumChanges::default() },
            next: "t".to_owned(),
            more: false,
        };
        insta::assert_snapshot!(changes(&told, Style::PLAIN), @r"
        new            A
        changed        B
        deleted        C\u{202e}
        deleted album  D
        ");
    }

    #[test]
    fn a_count_is_a_number_and_with_more_a_table() {
        let mut told =
            AssetCount { count: 7, bytes: None, not_local: None, kinds: None, consistent: true };
        assert_eq!(count(&told, Style::PLAIN), "7");
        told.bytes = Some(45_260_000);
        told.not_local = Some(0);
        told.kinds = Some(BTreeMap::from([(Kind::Photo, 6), (Kind::Movie, 1)]));
        insta::assert_snapshot!(count(&told, Style::PLAIN), @r"
        assets                  7
        photo                   6
        movie                   1
        not on this disk        0
        originals         45.2 MB
        ");
    }

    #[test]
    fn values_are_told_with_their_counts_and_do_nothing() {
        let value = |value: &str, count| FacetValue { value: value.to_owned(), count };
        let values = vec![value("sea", 12), value("a\u{202e}\nb", 1)];
        let list = FacetList { values, left_out: 0, consistent: true };
        insta::assert_snapshot!(facets(&list, Facet::Keyword, Style::PLAIN), @r"
        keyword       assets
        sea               12
        a\u{202e}\nb       1
        ");
    }

    #[test]
    fn a_smart_album_is_named_and_not_evaluated() {
        let album = Album {
            uuid: "U".to_owned(),
            kind: AlbumKind::Smart,
            title: "Last year".to_owned(),
            folders: Vec::new(),
            evaluated: false,
            sort_order: None,
            key_photo: None,
            count: None,
            created: None,
            start: None,
            end: None,
            problem: None,
        };
        let list = AlbumList { albums: vec![album], left_out: 0, consistent: true };
        insta::assert_snapshot!(albums(&list, Style::PLAIN), @r"
        album      kind          assets  from  to  order  uuid
        Last year  smart  not evaluated                   U
        ");
    }

    #[test]
    fn bytes_are_told_in_decimal_units() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (45_260_000, "45.2 MB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(
            (counted(1, "file"), counted(2, "file")),
            ("1 file".to_owned(), "2 files".to_owned())
        );
    }
}
