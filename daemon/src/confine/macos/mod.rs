//! The order of confinement on macOS, and whether it holds: limits, no downloads, what has to be
//! touched before, Seatbelt, then attempts that must fail.
//!
//! The twin of `enter.rs` and `in_force.rs`. Seatbelt compares real paths, so each rule's path is
//! asked of the handle that is held; that a folder is exchanged afterwards is the door's to notice,
//! which holds the handle. It must never say that Seatbelt is in force when nothing was seen to be
//! refused. The hazard: none of this can be tried where it is written; so what is unknown has a way
//! round it that is as tight (`SocketWord`), and everything else ends the start.

#![expect(clippy::disallowed_methods, reason = "asks for the real path of our own socket")]

mod attempts;

use std::ffi::CString;
use std::sync::OnceLock;

use darkslide_sys::answer::SandboxError;
use nix::errno::Errno;

use super::course::{Course, with_source};
use super::error::{ConfineError, NotConfined};
use super::outcome::Outcome;
use super::report::{Landlock, Refusal, Report, Truncation};
use super::seatbelt::{self, Folder, Profile, Role, SocketWord, Wanted};
use super::{Confined, Needs, Rule, Strictness, limits};

/// Any requirement: reading one has the system load what it needs for it.
const SOME_REQUIREMENT: &str = "anchor apple";

/// Confines this process to what it has open, and to what the rules name, for good.
///
/// # Errors
/// What is missing, or was not refused, if `strictness` is `Required`. Whatever it is: too few
/// descriptors, a second call. After an error the process must end.
pub fn enter(rules: &[Rule<'_>], strictness: Strictness) -> Result<Confined, ConfineError> {
    enter_for(rules, strictness, &Needs::default())
}

/// The same for a process that needs more than files.
///
/// # Errors
/// As `enter`.
pub fn enter_for(
    rules: &[Rule<'_>],
    strictness: Strictness,
    needs: &Needs<'_>,
) -> Result<Confined, ConfineError> {
    if IN_FORCE.get().is_some() {
        return Err(ConfineError::Twice);
    }
    let mut course = Course::begin(strictness);
    let outside = attempts::file_outside();
    course.step(limits::set())?;
    let offline = darkslide_sys::never_materialise();
    course.step(offline.map_err(|source| ConfineError::Limit { what: "downloads", source }))?;
    warm_up(needs);
    let entered =
        wanted(rules, needs).and_then(|wanted| seatbelt_entered(&wanted).map(|()| wanted));
    let why = entered.as_ref().err().map(with_source).unwrap_or_default();
    let wanted = course.step(entered)?;
    if let Some(wanted) = &wanted {
        course.judge(attempts::at_any_time(outside))?;
        course.judge(attempts::below_rules(rules))?;
        course.judge(attempts::outside_rules(&wanted.folders).into_iter().collect())?;
    }
    let Course { missing, seen, .. } = course;
    let seatbelt = wanted.is_some();
    let in_force = InForce { strictness, seatbelt, why, outside, missing };
    let must = IN_FORCE.get_or_init(|| in_force);
    Ok(Confined { report: Report { selftest: seen, ..must.report_now() } })
}

/// Has the system load now what it could not load any more. Time zones come with the program,
/// random numbers from a call, and the home folder was looked up by then.
fn warm_up(needs: &Needs<'_>) {
    if needs.looks_at_programs {
        // What fails here fails again, and is told, when the first peer is looked at.
        let _loaded = darkslide_sys::check_requirement(SOME_REQUIREMENT);
    }
}

fn wanted(rules: &[Rule<'_>], needs: &Needs<'_>) -> Result<Wanted, ConfineError> {
    let folder = |rule: &Rule<'_>| {
        let no_path = |source| ConfineError::NoPath { what: rule.what.clone(), source };
        let path = rustix::fs::getpath(rule.handle)
            .map_err(|error| no_path(Errno::from_raw(error.raw_os_error())))?;
        let path = path.into_string().map_err(|_| no_path(Errno::EILSEQ))?;
        Ok(Folder { path, role: Role::of(rule.access) })
    };
    let folders = rules.iter().map(folder).collect::<Result<Vec<_>, ConfineError>>()?;
    let socket = needs.socket.map(|socket| {
        let what = || "the socket".to_owned();
        let real = std::fs::canonicalize(socket).map_err(|error| {
            let source = Errno::from_raw(error.raw_os_error().unwrap_or_default());
            ConfineError::NoPath { what: what(), source }
        })?;
        let text = real.into_os_string().into_string();
        text.map_err(|_| ConfineError::NoPath { what: what(), source: Errno::EILSEQ })
    });
    let socket = socket.transpose()?;
    Ok(Wanted { folders, socket, looks_at_programs: needs.looks_at_programs })
}

/// Enters with the first form of the profile that this version of macOS can read. Nothing is
/// entered by one that it cannot.
fn seatbelt_entered(wanted: &Wanted) -> Result<(), ConfineError> {
    let mut last = SandboxError::from_message(None);
    for word in SocketWord::ALL {
        match enter_profile(&seatbelt::profile(wanted, word)) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
        if wanted.socket.is_none() {
            break;
        }
    }
    Err(ConfineError::Seatbelt { source: last })
}

fn enter_profile(profile: &Profile) -> Result<(), SandboxError> {
    let c_string = |text: &str| {
        CString::new(text).map_err(|_| SandboxError::from_message(Some(b"a path holds a NUL")))
    };
    let text = c_string(&profile.text)?;
    let pair = |(name, value): &(String, String)| Ok((c_string(name)?, c_string(value)?));
    let parameters = profile.parameters.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    darkslide_sys::enter_sandbox(&text, &parameters)
}

/// What `enter` achieved.
#[derive(Debug)]
struct InForce {
    strictness: Strictness,
    seatbelt: bool,
    /// Why Seatbelt does not hold, where it does not.
    why: String,
    /// A file that could be opened before, and that no rule covers.
    outside: Option<&'static str>,
    missing: Vec<String>,
}

static IN_FORCE: OnceLock<InForce> = OnceLock::new();

/// Tries whether the calling thread is held as the process is said to be. One call.
///
/// # Errors
/// What does not hold. The process must end: what the thread has done until then nobody can tell.
pub fn assert_confined() -> Result<(), NotConfined> {
    let must = IN_FORCE.get().ok_or(NotConfined::NeverEntered)?;
    let (true, Some(what)) = (must.seatbelt, must.outside) else {
        return Ok(());
    };
    match attempts::open_outside(what) {
        Ok(()) => Err(NotConfined::Opened { what }),
        Err(Errno::EPERM) => Ok(()),
        Err(errno) => Err(NotConfined::Unproven { what, errno }),
    }
}

/// Tries anew what must fail.
#[must_use]
pub fn recheck() -> Report {
    match IN_FORCE.get() {
        Some(must) => must.report_now(),
        None => report(Strictness::Required, false, vec![NotConfined::NeverEntered.to_string()]),
    }
}

impl InForce {
    fn report_now(&self) -> Report {
        let mut report = report(self.strictness, self.seatbelt, self.missing.clone());
        if let (false, Landlock::Absent { why }) = (self.seatbelt, &mut report.landlock) {
            why.clone_from(&self.why);
        }
        if self.seatbelt {
            for outcome in attempts::at_any_time(self.outside) {
                match outcome {
                    Outcome::Refused(refusal) => report.selftest.push(refusal),
                    Outcome::Unproven { what, answer } => {
                        report.missing.push(format!("{what}: {answer}"));
                    }
                }
            }
        }
        report.missing.extend(limits::changed(&report.limits));
        report
    }
}

fn report(strictness: Strictness, seatbelt: bool, missing: Vec<String>) -> Report {
    Report {
        strictness,
        landlock: Landlock::Absent { why: "macOS has Seatbelt in its place".to_owned() },
        truncation: if seatbelt { Truncation::Seatbelt } else { Truncation::Open },
        seccomp: false,
        seatbelt,
        // Hardened runtime and denied programs stand for it; the kernel has no such word.
        no_new_privs: false,
        limits: limits::read(),
        selftest: Vec::<Refusal>::new(),
        missing,
    }
}
