//! The floor of a dump: plain SQL over one connection that reads the columns which a record is
//! made from, in pages of 500, side tables in bulk, and one look for each file that a record names.
//! Nothing is formatted and nothing is kept. The columns are those of a library of model 19320, as
//! `bench grow` makes it; whoever adds a field to the record adds its column here.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, Statement, params_from_iter};
use rustix::fs::{AtFlags, statat};

use crate::Failed;

/// Assets that are read at once: as many as the daemon's own pages.
const PAGE: usize = 500;

/// One row for each asset. The first five say which files there are.
const ASSETS: &str = "SELECT a.Z_PK, a.ZUUID, a.ZFILENAME, a.ZADJUSTMENTSSTATE, a.ZKINDSUBTYPE,
    a.ZDIRECTORY, a.ZDATECREATED, a.ZADDEDDATE, a.ZADJUSTMENTTIMESTAMP, a.ZTRASHEDDATE,
    a.ZTRASHEDSTATE, a.ZHIDDEN, a.ZFAVORITE, a.ZVISIBILITYSTATE, a.ZKIND, a.ZWIDTH, a.ZHEIGHT,
    a.ZORIENTATION, a.ZSAVEDASSETTYPE, a.ZUNIFORMTYPEIDENTIFIER, a.ZHDRTYPE, a.ZDEPTHTYPE,
    a.ZSPATIALTYPE, a.ZAVALANCHEUUID, a.ZAVALANCHEPICKTYPE, a.ZCLOUDBATCHPUBLISHDATE,
    a.ZMOMENTSHARE, a.ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE, a.ZLATITUDE, a.ZLONGITUDE,
    a.ZCLOUDOWNERHASHEDPERSONID, a.ZCLOUDASSETGUID, a.ZIMPORTSESSION, a.ZCOLLECTIONSHARE,
    a.ZOVERALLAESTHETICSCORE, a.ZCURATIONSCORE, a.ZPROMOTIONSCORE, a.ZHIGHLIGHTVISIBILITYSCORE,
    b.ZASSET, b.ZORIGINALFILENAME, b.ZTITLE, b.ZTIMEZONEOFFSET, b.ZTIMEZONENAME, b.ZORIGINALWIDTH,
    b.ZORIGINALHEIGHT, b.ZORIGINALORIENTATION, b.ZORIGINALFILESIZE, b.ZCAMERACAPTUREDEVICE,
    b.ZORIGINALRESOURCECHOICE, b.ZSYNDICATIONIDENTIFIER, b.ZSYNDICATIONHISTORY,
    b.ZORIGINALSTABLEHASH, b.ZIMPORTEDBYDISPLAYNAME, b.ZIMPORTEDBYBUNDLEIDENTIFIER,
    b.ZREVERSELOCATIONDATA, d.ZLONGDESCRIPTION, u.ZADJUSTMENTFORMATIDENTIFIER,
    m.ZCLOUDLOCALSTATE, m.ZCLOUDMASTERGUID, x.ZDATA, e.ZFLASHFIRED, e.ZLATITUDE, e.ZLONGITUDE,
    e.ZCAMERAMAKE, e.ZCAMERAMODEL, e.ZCODEC, e.ZLENSMODEL, e.ZDATECREATED, e.ZTIMEZONEOFFSET,
    e.ZTIMEZONENAME, e.ZAPERTURE, e.ZBITRATE, e.ZDURATION, e.ZEXPOSUREBIAS, e.ZFOCALLENGTH, e.ZFPS,
    e.ZISO, e.ZMETERINGMODE, e.ZSAMPLERATE, e.ZSHUTTERSPEED, e.ZTRACKFORMAT, e.ZWHITEBALANCE,
    s.Z_PK, s.ZFAILURESCORE, s.ZHARMONIOUSCOLORSCORE, s.ZIMMERSIVENESSSCORE,
    s.ZINTERESTINGSUBJECTSCORE, s.ZINTRUSIVEOBJECTPRESENCESCORE, s.ZLIVELYCOLORSCORE, s.ZLOWLIGHT,
    s.ZNOISESCORE, s.ZPLEASANTCAMERATILTSCORE, s.ZPLEASANTCOMPOSITIONSCORE,
    s.ZPLEASANTLIGHTINGSCORE, s.ZPLEASANTPATTERNSCORE, s.ZPLEASANTPERSPECTIVESCORE,
    s.ZPLEASANTPOSTPROCESSINGSCORE, s.ZPLEASANTREFLECTIONSSCORE, s.ZPLEASANTSYMMETRYSCORE,
    s.ZSHARPLYFOCUSEDSUBJECTSCORE, s.ZTASTEFULLYBLURREDSCORE, s.ZWELLCHOSENSUBJECTSCORE,
    s.ZWELLFRAMEDSUBJECTSCORE, s.ZWELLTIMEDSHOTSCORE
    FROM ZASSET a LEFT JOIN ZADDITIONALASSETATTRIBUTES b ON b.ZASSET = a.Z_PK
    LEFT JOIN ZASSETDESCRIPTION d ON d.Z_PK = b.ZASSETDESCRIPTION
    LEFT JOIN ZUNMANAGEDADJUSTMENT u ON u.Z_PK = b.ZUNMANAGEDADJUSTMENT
    LEFT JOIN ZCLOUDMASTER m ON m.Z_PK = a.ZMASTER
    LEFT JOIN ZCLOUDMASTERMEDIAMETADATA x ON x.ZCLOUDMASTER = a.ZMASTER
    LEFT JOIN ZEXTENDEDATTRIBUTES e ON e.ZASSET = a.Z_PK
    LEFT JOIN ZCOMPUTEDASSETATTRIBUTES s ON s.ZASSET = a.Z_PK";

/// The side tables, each up to the column that names the asset.
const SIDES: [&str; 8] = [
    "SELECT b.ZASSET, k.ZTITLE FROM ZADDITIONALASSETATTRIBUTES b JOIN Z_1KEYWORDS j
        ON j.Z_1ASSETATTRIBUTES = b.Z_PK JOIN ZKEYWORD k ON k.Z_PK = j.Z_52KEYWORDS WHERE b.ZASSET",
    "SELECT j.Z_3ASSETS, g.Z_PK, g.ZUUID, g.ZTITLE, g.ZKIND, g.ZTRASHEDSTATE, g.ZPARENTFOLDER,
        g.ZCREATIONDATE, g.ZSTARTDATE, g.ZENDDATE, g.ZCLOUDOWNERHASHEDPERSONID
        FROM Z_33ASSETS j JOIN ZGENERICALBUM g ON g.Z_PK = j.Z_33ALBUMS WHERE j.Z_3ASSETS",
    "SELECT a.Z_PK, g.ZUUID, g.ZTITLE, g.ZCREATIONDATE, g.ZSTARTDATE, g.ZENDDATE, h.ZUUID, h.ZTITLE,
        h.ZCREATIONDATE, h.ZSTARTDATE, h.ZENDDATE FROM ZASSET a
        LEFT JOIN ZGENERICALBUM g ON g.Z_PK = a.ZIMPORTSESSION
        LEFT JOIN ZSHARE h ON h.Z_PK = a.ZCOLLECTIONSHARE WHERE a.Z_PK",
    "SELECT f.ZASSETFORFACE, f.Z_PK, f.ZUUID, f.ZCENTERX, f.ZCENTERY, f.ZSIZE, f.ZROLL, f.ZQUALITY,
        f.ZSOURCEWIDTH, f.ZSOURCEHEIGHT, f.ZHASSMILE, f.ZMANUAL, f.ZAGETYPE, f.ZEYEMAKEUPTYPE,
        f.ZEYESSTATE, f.ZFACIALHAIRTYPE, f.ZGENDERTYPE, f.ZGLASSESTYPE, f.ZHAIRCOLORTYPE,
        f.ZLIPMAKEUPTYPE, f.ZSMILETYPE, f.ZISINTRASH, p.Z_PK, p.ZPERSONUUID, p.ZFULLNAME,
        p.ZDISPLAYNAME, p.ZKEYFACE, p.ZFACECOUNT, p.ZTYPE, p.ZMANUALORDER FROM ZDETECTEDFACE f
        LEFT JOIN ZPERSON p ON p.Z_PK = f.ZPERSONFORFACE WHERE f.ZASSETFORFACE",
    "SELECT r.ZASSET, r.ZDATASTORECLASSID, r.ZDATASTORESUBTYPE, r.ZVERSION, r.ZRECIPEID,
        r.ZLOCALAVAILABILITY, r.ZREMOTEAVAILABILITY, r.ZDATALENGTH, r.ZCOMPACTUTI,
        r.ZFILESYSTEMVOLUME FROM ZINTERNALRESOURCE r WHERE r.ZASSET",
    "SELECT c.ZCOMMENTEDASSET, c.ZISLIKE, c.ZISMYCOMMENT, c.ZCOMMENTDATE, c.ZCOMMENTTEXT,
        c.ZCOMMENTERHASHEDPERSONID FROM ZCLOUDSHAREDCOMMENT c WHERE c.ZCOMMENTEDASSET",
    "SELECT c.ZLIKEDASSET, c.ZISLIKE, c.ZISMYCOMMENT, c.ZCOMMENTDATE, c.ZCOMMENTTEXT,
        c.ZCOMMENTERHASHEDPERSONID FROM ZCLOUDSHAREDCOMMENT c WHERE c.ZLIKEDASSET",
    "SELECT o.Z_PK, a.ZUUID, a.ZAVALANCHEPICKTYPE FROM ZASSET o CROSS JOIN ZASSET a
        ON a.ZAVALANCHEUUID = o.ZAVALANCHEUUID AND a.Z_PK <> o.Z_PK
        WHERE o.ZAVALANCHEUUID IS NOT NULL AND o.Z_PK",
];

/// In which order the assets are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they lie in the file.
    Rows,
    /// As the answer has them.
    Uuids,
}

/// What was read, so that nothing can be optimised away, and two runs can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) assets: usize,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) looks: usize,
}

/// Reads a whole library.
pub(crate) fn read(bundle: &Path, order: Order) -> Result<Sum, Failed> {
    let database = open(&bundle.join("database/Photos.sqlite"))?;
    let search = open(&bundle.join("database/search/psi.sqlite"))?;
    let folder = bundle.join("private/com.apple.mediaanalysisd/MediaAnalysis");
    let analysis = open(&folder.join("MediaAnalysis.sqlite"))?;
    let places = vec!["?"; PAGE].join(",");
    let (position, within) = match order {
        Order::Rows => ("a.Z_PK", "BETWEEN ? AND ?".to_owned()),
        Order::Uuids => ("a.ZUUID", format!("IN ({places})")),
    };
    let page = format!("{ASSETS} WHERE {position} > ?1 ORDER BY {position} LIMIT {PAGE}");
    let mut page = database.prepare(&page)?;
    let sides = SIDES.iter().map(|side| database.prepare(&format!("{side} {within}")));
    let mut sides = sides.collect::<Result<Vec<Statement<'_>>, _>>()?;
    let mut found = search.prepare(&format!(
        "SELECT a.uuid_0, a.uuid_1, g.category, g.content_string, g.normalized_string FROM assets a
        CROSS JOIN ga j ON j.assetid = a.rowid CROSS JOIN groups g ON g.rowid = j.groupid
        WHERE a.uuid_0 IN ({places})"
    ))?;
    let mut results = analysis.prepare(&format!(
        "SELECT a.ZLOCALIDENTIFIER, a.ZDATEANALYZED, r.ZRESULTS FROM ZASSET a CROSS JOIN ZRESULT r
        ON r.ZASSET = a.Z_PK WHERE a.ZLOCALIDENTIFIER IN ({places})"
    ))?;
    let files = Files { bundle: File::open(bundle)? };
    let mut sum = Sum::default();
    let mut last = Last { key: 0, uuid: String::new() };
    loop {
        let (mut keys, mut uuids) = (Vec::with_capacity(PAGE), Vec::with_capacity(PAGE));
        let mut rows = match order {
            Order::Rows => page.query([last.key])?,
            Order::Uuids => page.query([&last.uuid])?,
        };
        while let Some(row) = rows.next()? {
            take(row, &mut sum);
            last = Last { key: row.get(0)?, uuid: row.get(1)? };
            files.look(row, &last.uuid, &mut sum)?;
            keys.push(last.key);
            uuids.push(last.uuid.clone());
        }
        if keys.is_empty() {
            return Ok(black_box(sum));
        }
        sum.assets += keys.len();
        let bound = match order {
            Order::Rows => vec![keys.first().copied().unwrap_or(0), last.key],
            Order::Uuids => filled(keys, 0),
        };
        for side in &mut sides {
            all(side, &bound, &mut sum)?;
        }
        let halves = uuids.iter().map(|uuid| first_half(uuid)).collect();
        all(&mut found, &filled(halves, 0), &mut sum)?;
        let names = uuids.iter().map(|uuid| format!("{uuid}/L0/001")).collect();
        all(&mut results, &filled(names, String::new()), &mut sum)?;
    }
}

/// Where a page ended.
struct Last {
    key: i64,
    uuid: String,
}

/// As many values as a statement has places.
fn filled<T: Clone>(mut values: Vec<T>, rest: T) -> Vec<T> {
    values.resize(PAGE, rest);
    values
}

fn all(
    statement: &mut Statement<'_>,
    bound: &[impl rusqlite::ToSql],
    sum: &mut Sum,
) -> Result<(), Failed> {
    let mut rows = statement.query(params_from_iter(bound))?;
    while let Some(row) = rows.next()? {
        take(row, sum);
    }
    Ok(())
}

/// Looks at every value of a row.
fn take(row: &Row<'_>, sum: &mut Sum) {
    sum.rows += 1;
    let columns = row.as_ref().column_count();
    for value in (0..columns).filter_map(|column| row.get_ref(column).ok()) {
        sum.bytes += match value {
            ValueRef::Null => 0,
            ValueRef::Integer(number) => black_box(number).trailing_zeros() as usize & 1,
            ValueRef::Real(number) => usize::from(black_box(number) > 0.0),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        };
    }
}

/// How the search index stores the first half of a UUID.
fn first_half(uuid: &str) -> i64 {
    let digits: String = uuid.chars().filter(|c| *c != '-').take(16).collect();
    let bytes = u64::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes();
    i64::from_le_bytes(bytes)
}

/// The files that a record names.
struct Files {
    bundle: File,
}

impl Files {
    fn look(&self, row: &Row<'_>, uuid: &str, sum: &mut Sum) -> Result<(), Failed> {
        let name: String = row.get(2)?;
        let (adjusted, subtype): (i64, i64) = (row.get(3)?, row.get(4)?);
        let shard = uuid.get(..1).unwrap_or_default();
        let mut look = |path: String| {
            sum.looks += 1;
            // That it is not there is an answer too.
            let _found = black_box(statat(&self.bundle, path, AtFlags::SYMLINK_NOFOLLOW));
        };
        look(format!("originals/{shard}/{name}"));
        look(format!("originals/{shard}/{uuid}_5.aae"));
        look(format!("resources/derivatives/masters/{shard}/{uuid}_4_5005_c.jpeg"));
        if adjusted != 0 {
            look(format!("resources/renders/{shard}/{uuid}_1_201_a.jpeg"));
            look(format!("resources/renders/{shard}/{uuid}.plist"));
        }
        if subtype == 2 {
            look(format!("originals/{shard}/{uuid}_3.mov"));
        }
        Ok(())
    }
}

/// Counts favourites as a plain program would.
pub(crate) fn favourites(database: &Connection) -> Result<i64, Failed> {
    let mut statement = database.prepare(
        "SELECT count(*) FROM ZASSET WHERE ZFAVORITE = 1 AND ZTRASHEDSTATE = 0 AND ZHIDDEN = 0
        AND (ZAVALANCHEPICKTYPE = 0 OR ZAVALANCHEPICKTYPE & 24 <> 0)",
    )?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(crate) fn open(path: &Path) -> Result<Connection, Failed> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}
