//! `demo`: the main path in ten seconds, on a small library of its own, and what is refused, with
//! the kernel's own answers.
//!
//! Builds a library, reads it through a private daemon, exports an album, shows what is enforced,
//! and tries three things that must fail: a path out of the root, a write into the library, a
//! socket. The last is tried by a confined child of its own, for the kernel kills for it. Where the
//! kernel cannot confine, that is said first.

use std::path::Path;

use darkslide_client::Error;
use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_client::protocol::message::health::{Confinement, HealthParams};
use darkslide_client::protocol::message::job::JobStatus;
use darkslide_client::protocol::message::library::{LibraryInfo, LibraryInfoParams};
use darkslide_client::supervisor::{End, LIBRARY, ROOT};
use darkslide_fixture::{DEMO_ALBUM, demo_library};
use serde::Serialize;

use super::export;
use crate::args::{DemoArgs, Global};
use crate::demo_folder::{self, DemoFolder};
use crate::exit::Exit;
use crate::output::style::Style;
use crate::output::table::{Align, Table};
use crate::output::{Output, human, plain};
use crate::paths;
use crate::private_daemon::{self, Plan};
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// What the demo has shown.
#[derive(Debug, Serialize)]
struct Shown {
    folder: String,
    library: LibraryInfo,
    job: JobStatus,
    files: Vec<demo_folder::Exported>,
    confinement: Option<Confinement>,
    refused: Vec<Refused>,
}

/// Something that was tried and must fail.
#[derive(Debug, Serialize)]
struct Refused {
    /// What it was.
    tried: &'static str,
    /// How.
    how: String,
    /// What the policy answered, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// What the kernel answers to the same.
    kernel: String,
}

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: DemoArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if global.library.is_some() || global.library_name.is_some() {
        return Err(Failure::usage("the demo has a library of its own", "darkslide demo"));
    }
    let folder = DemoFolder::make(args.keep).map_err(Failure::DemoFolder)?;
    output.say(&format!("making a small library in {}", folder.path().display()));
    let library = folder.path().join("Demo.photoslibrary");
    demo_library(&library)?;
    let destination = folder.path().join("Exports");
    let library = library.display().to_string();
    let mut plan = Plan {
        destination: Some(paths::destination(&destination, &library)?),
        only_plans: false,
        library,
        best_effort: false,
        log: session::level(global.log),
    };
    let mut result = show(&plan, &folder, &destination, output).await;
    if let Err(Failure::Start(error)) = &result
        && error.is_unconfinable()
    {
        output.warn(&format!(
            "this kernel cannot confine the daemon ({error}); the demo goes on with best effort"
        ));
        plan.best_effort = true;
        result = show(&plan, &folder, &destination, output).await;
    }
    if args.keep {
        output.say(&format!("kept: {}", folder.path().display()));
    }
    result
}

async fn show(
    plan: &Plan,
    folder: &DemoFolder,
    destination: &Path,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let way = Way::Private(plan.clone());
    session::with(way, None, output, async |session, output| {
        let params = LibraryInfoParams { library: LIBRARY.to_owned() };
        let library = session.client.library_info(&params).await?;
        part(output, "The library, read through a confined daemon", |style| {
            human::library(&library, style)
        })?;

        let spec = ExportSpec {
            filter: Filter::Album(DEMO_ALBUM.to_owned()),
            ..ExportSpec::of(LIBRARY, root())
        };
        let handle = export::follow(session, output, spec).await?;
        let job = handle.status().clone();
        export::outcome(&job)?;
        let undone = export::undone(&handle).await?;
        let files = demo_folder::exported(destination).map_err(Failure::DemoFolder)?;
        part(output, "Its album, exported", |style| {
            let sum = human::export(&job, &destination.display().to_string(), style);
            [tree(&files), sum, human::undone(&undone)].join("\n")
        })?;

        let health = session.client.health(&HealthParams::default()).await?;
        let confinement = health.detail.map(|detail| detail.confinement);
        part(output, "What the kernel says is enforced", |style| {
            confinement.as_ref().map_or_else(String::new, |told| human::confinement(told, style))
        })?;

        let refused = vec![
            path_out_of_the_root(session, folder, confinement.as_ref()).await?,
            write_into_the_library(confinement.as_ref()),
            socket(confinement.as_ref())?,
        ];
        part(output, "What was refused", |style| refusals(&refused, style))?;
        if output.is_json() {
            output.json(&Shown {
                folder: folder.path().display().to_string(),
                library,
                job,
                files,
                confinement,
                refused,
            })?;
        }
        Ok(Exit::Done)
    })
    .await
}

/// Shows one part to a person, as soon as it is there.
fn part(
    output: &mut Output,
    title: &str,
    text: impl FnOnce(Style) -> String,
) -> Result<(), Failure> {
    if !output.is_json() {
        let style = output.style();
        output.text(&format!("\n{}\n{}", style.bold(title), text(style)))?;
        output.flush()?;
    }
    Ok(())
}

fn root() -> DestinationText {
    DestinationText::Named { root: ROOT.to_owned(), path: None }
}

/// Files below the folders that they are in.
fn tree(files: &[demo_folder::Exported]) -> String {
    let mut lines = Vec::new();
    let mut last = "";
    for file in files {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if folder != last {
            lines.push(format!("{}/", plain::line(folder)));
            last = folder;
        }
        let indent = if folder.is_empty() { "" } else { "  " };
        lines.push(format!("{indent}{}  {}", plain::line(name), human::bytes(file.bytes)));
    }
    lines.join("\n")
}

/// An export to a folder beside the root, whose name begins like the root's.
async fn path_out_of_the_root(
    session: &Session,
    folder: &DemoFolder,
    confinement: Option<&Confinement>,
) -> Result<Refused, Failure> {
    let outside = folder.path().join("Exports-evil").display().to_string();
    let params = ExportStartParams {
        spec: ExportSpec::of(LIBRARY, DestinationText::Absolute(outside.clone())),
        key: None,
    };
    let policy = match session.client.export_start(&params).await {
        Ok(job) => format!("NOT REFUSED: it started job {}", job.job),
        Err(Error::Denied(error)) => format!("{}: {}", error.data.name, error.message),
        Err(error) => return Err(error.into()),
    };
    Ok(Refused {
        tried: "a path out of the root",
        how: format!("export to {outside}"),
        policy: Some(policy),
        kernel: kernels_answer(confinement, |tried| tried == "write into /tmp"),
    })
}

fn write_into_the_library(confinement: Option<&Confinement>) -> Refused {
    Refused {
        tried: "a write into the library",
        how: "make a file in the bundle, at start".to_owned(),
        policy: None,
        kernel: kernels_answer(confinement, |tried| tried.starts_with("write below ")),
    }
}

fn socket(confinement: Option<&Confinement>) -> Result<Refused, Failure> {
    // There the kernel says no, and kills nobody for it; the self-test has asked.
    if cfg!(target_os = "macos") {
        return Ok(Refused {
            tried: "a network socket",
            how: "connect to this machine, at start".to_owned(),
            policy: None,
            kernel: kernels_answer(confinement, |tried| tried.starts_with("connect to a TCP port")),
        });
    }
    let status = private_daemon::try_in_a_child("try-socket").map_err(Failure::Setup)?;
    Ok(Refused {
        tried: "a network socket",
        how: "a confined child asks for one".to_owned(),
        policy: None,
        kernel: End::from(status).to_string(),
    })
}

/// How the kernel refused what the self-test tried.
fn kernels_answer(confinement: Option<&Confinement>, is_meant: impl Fn(&str) -> bool) -> String {
    let refusals = confinement.map_or(&[][..], |told| &told.refusals);
    let mut meant = refusals.iter().filter(|refusal| is_meant(&refusal.tried));
    meant.next().map_or_else(
        || "not tried: this kernel does not confine it".to_owned(),
        |refusal| format!("{} ({})", refusal.answer, refusal.tried),
    )
}

fn refusals(refused: &[Refused], style: Style) -> String {
    let columns =
        [("tried", Align::Left), ("how", Align::Left), ("who refused, and how", Align::Left)];
    let mut table = Table::new(&columns);
    for refusal in refused {
        if let Some(policy) = &refusal.policy {
            table.row([refusal.tried, &refusal.how, &format!("policy: {policy}")]);
            table.row(["", "the same, without asking", &format!("kernel: {}", refusal.kernel)]);
        } else {
            table.row([refusal.tried, &refusal.how, &format!("kernel: {}", refusal.kernel)]);
        }
    }
    table.render(style)
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::message::health::Refusal;

    use super::*;

    #[test]
    fn the_tree_shows_each_folder_once() {
        let file = |path: &str, bytes| demo_folder::Exported { path: path.to_owned(), bytes };
        let files = [
            file("2024/07/IMG_1.JPG", 3_000_000),
            file("2024/07/a\x1bb.jpg", 12),
            file("2024/08/c.mov", 1000),
        ];
        insta::assert_snapshot!(tree(&files), @r"
        2024/07/
          IMG_1.JPG  3.0 MB
          a\u{1b}b.jpg  12 B
        2024/08/
          c.mov  1.0 kB
        ");
    }

    #[test]
    fn refusals_name_policy_and_kernel() {
        let confinement = Confinement {
            enforced: true,
            landlock_abi: 7,
            seatbelt: false,
            truncation: "landlock".to_owned(),
            seccomp: true,
            no_new_privs: true,
            refusals: vec![Refusal {
                tried: "write below the library".to_owned(),
                answer: "EACCES".to_owned(),
            }],
            missing: Vec::new(),
        };
        let path = Refused {
            tried: "a path out of the root",
            how: "export to /x-evil".to_owned(),
            policy: Some("DENIED: outside".to_owned()),
            kernel: "EACCES (write into /tmp)".to_owned(),
        };
        let refused = [path, write_into_the_library(Some(&confinement))];
        insta::assert_snapshot!(refusals(&refused, Style::PLAIN), @r"
        tried                     how                                  who refused, and how
        a path out of the root    export to /x-evil                    policy: DENIED: outside
                                  the same, without asking             kernel: EACCES (write into /tmp)
        a write into the library  make a file in the bundle, at start  kernel: EACCES (write below the library)
        ");
        assert!(write_into_the_library(None).kernel.starts_with("not tried"));
    }
}
