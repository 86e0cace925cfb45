//! `darkslide doctor`: walks the chain from the program to the disk, and says of each link whether
//! it holds, and what to type next.
//!
//! Facts are gathered by two files (`facts`: the disk, `said`: the daemons) and judged by one file
//! for each link, which are pure. It writes nothing, makes nothing, and has a library looked at by
//! a confined daemon that cannot write. A link that needs a broken one says that it was not looked
//! at.

mod chain;
mod confinement;
mod facts;
mod library;
mod manager;
mod peer;
mod policy;
mod program;
mod roots;
mod said;
mod shell;
mod socket;
mod space;
mod spot;
mod state;
mod tool;
mod version;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chain::{Chain, Link, Name};
use facts::Around;
use library::Look;
use said::Said;
use spot::Spot;

use crate::args::{Confinement, DoctorArgs, Global};
use crate::daemon_side::{self, FoundPolicy, PolicyFault};
use crate::exit::Exit;
use crate::output::Output;
use crate::private_daemon::Plan;
use crate::report::Failure;
use crate::session;

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: &DoctorArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let chain = Doctor::look(global, args).await.judge().await;
    output.answer(&chain, Chain::for_person)?;
    Ok(chain.exit())
}

/// What was gathered once, for all links.
struct Doctor<'a> {
    global: &'a Global,
    around: Around,
    program: program::Facts,
    manager: manager::Facts,
    policy: Result<FoundPolicy, PolicyFault>,
    said: Option<Said>,
    /// When the daemon that serves was started.
    started: Option<SystemTime>,
    /// The line that starts a daemon.
    start: String,
}

impl<'a> Doctor<'a> {
    async fn look(global: &'a Global, args: &DoctorArgs) -> Self {
        let around = facts::around(args.socket.as_deref());
        let said = match &around.socket {
            Ok(socket) => Some(said::ask(socket).await),
            Err(_) => None,
        };
        // At once: what follows takes time.
        let uptime = said.as_ref().and_then(Said::detail).map(|detail| detail.uptime_ms);
        let started = uptime.and_then(|uptime| facts::started(Duration::from_millis(uptime)));
        let mut program = facts::program().await;
        program.started_by = said.as_ref().and_then(Said::started_by).map(str::to_owned);
        let mut manager = facts::manager(&around).await;
        manager.serves = said.as_ref().is_some_and(|said| said.greeting.is_ok());
        let policy = facts::policy(args.policy.as_deref(), &around);
        let start = facts::start_line(&around, &program.daemon, &manager, args.policy.as_deref());
        Self { global, around, program, manager, policy, said, started, start }
    }

    async fn judge(&self) -> Chain {
        let mut links = vec![program::judge(&self.program), manager::judge(&self.manager)];
        links.extend([self.socket(), self.peer(), self.version()]);
        let told = self.said.as_ref().and_then(Said::detail).map(|detail| &detail.confinement);
        let best_effort = self.policy.as_ref().ok().map(|policy| policy.best_effort);
        links.push(confinement::judge(told, best_effort));
        links.push(self.policy());
        links.extend(self.libraries().await);
        let roots = self.roots();
        links.extend(roots.iter().map(|(name, path, _)| self.root(name, path)));
        if roots.is_empty() && self.policy.is_err() {
            links.push(Link::unknown(Name::Root, UNREAD));
        }
        let state = daemon_side::state_place().map(PathBuf::from);
        links.extend(state.as_deref().map(|path| self.state(path)));
        links.extend(self.space(&roots, state.as_deref()));
        Chain::new(links)
    }

    fn socket(&self) -> Link {
        let error = self.said.as_ref().and_then(|said| said.greeting.as_ref().err());
        let place = self.around.socket.as_deref();
        socket::judge(&socket::Facts {
            place,
            error,
            start: &self.start,
            has_broken_policy: self.policy.is_err(),
            is_mac: cfg!(target_os = "macos"),
        })
    }

    fn peer(&self) -> Link {
        let Some(said) = &self.said else {
            return Link::unknown(Name::Peer, NOBODY);
        };
        peer::judge(&peer::Facts {
            greeting: said.greeting.as_ref().map(|_| ()),
            granted: said.granted.as_ref(),
            uid: self.around.uid,
            file: self.policy_file(),
        })
    }

    fn version(&self) -> Link {
        let Some(said) = &self.said else {
            return Link::unknown(Name::Version, NOBODY);
        };
        version::judge(&version::Facts {
            greeting: said.greeting.as_ref(),
            ours: &self.program.version,
            started_by: said.started_by(),
            start: &self.start,
            uid: self.around.uid,
        })
    }

    fn policy(&self) -> Link {
        let detail = self.said.as_ref().and_then(Said::detail);
        policy::judge(&policy::Facts {
            found: self.policy.as_ref(),
            problem: detail.and_then(|detail| detail.policy_problem.as_deref()),
            is_newer: match (self.policy_file(), self.started) {
                (Some(file), Some(started)) => facts::is_newer(file, started),
                (Some(_) | None, _) => false,
            },
            uid: self.around.uid,
            reload: detail.map(|detail| self.reload(detail.pid)),
        })
    }

    /// The line that has the daemon read its policy again; one that nobody starts anew would end.
    fn reload(&self, pid: u32) -> String {
        match self.said.as_ref().and_then(Said::started_by) {
            Some("systemd" | "launchd") => format!("kill -HUP {pid}"),
            Some(_) | None => format!("kill {pid}; {}", self.start),
        }
    }

    fn policy_file(&self) -> Option<&Path> {
        self.policy.as_ref().ok().and_then(|policy| policy.file.as_deref()).map(Path::new)
    }

    /// The one that was named; else those of the policy, and those that only the daemon that serves
    /// knows.
    async fn libraries(&self) -> Vec<Link> {
        if let Some(path) = &self.global.library {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            return vec![self.library("--library", Some(&path), None).await];
        }
        let looks = self.said.as_ref().map(|said| &said.looks);
        let look = |name: &str| looks.and_then(|looks| looks.get(name));
        let known = self.policy.as_ref().map_or(&[][..], |policy| &policy.libraries);
        let mut links = Vec::new();
        for (name, path) in known {
            links.push(self.library(name, Some(Path::new(path)), look(name)).await);
        }
        let is_new = |name: &&String| !known.iter().any(|(known, _)| known == *name);
        for name in looks.into_iter().flatten().map(|(name, _)| name).filter(is_new) {
            links.push(self.library(name, None, look(name)).await);
        }
        if links.is_empty() && self.policy.is_err() {
            links.push(Link::unknown(Name::Library, UNREAD));
        }
        links
    }

    async fn library(&self, name: &str, path: Option<&Path>, served: Option<&Look>) -> Link {
        let spot = path.map(facts::spot);
        let private = match (path, &spot, served) {
            (Some(path), Some(Spot::There(seen)), None) if seen.is_readable => {
                Some(said::look_privately(&self.plan(path)).await)
            }
            _ => None,
        };
        let nearby = match (path, &spot) {
            (Some(path), Some(Spot::Absent | Spot::There(_))) => {
                let mut nearby = facts::nearby(path, &self.around);
                nearby.retain(|other| other != path);
                nearby
            }
            _ => Vec::new(),
        };
        library::judge(&library::Facts {
            name,
            path,
            spot: spot.as_ref(),
            look: served.or(private.as_ref()),
            nearby: &nearby,
            file: self.policy_file(),
            is_mac: cfg!(target_os = "macos"),
        })
    }

    fn plan(&self, library: &Path) -> Plan {
        let allowed = self.policy.as_ref().is_ok_and(|policy| policy.best_effort);
        Plan {
            library: library.to_string_lossy().into_owned(),
            destination: None,
            only_plans: true,
            best_effort: allowed || self.global.confinement == Some(Confinement::BestEffort),
            log: session::level(self.global.log),
        }
    }

    /// Name, path and quota of each: as the daemon that serves says, else as the policy does.
    fn roots(&self) -> Vec<(String, PathBuf, Option<u64>)> {
        if let Some(granted) = self.said.as_ref().and_then(|said| said.granted.as_ref()) {
            let all = granted.roots.iter();
            return all
                .map(|root| (root.name.clone(), PathBuf::from(&root.path), root.max_bytes))
                .collect();
        }
        let known = self.policy.as_ref().map_or(&[][..], |policy| &policy.roots);
        known.iter().map(|(name, path)| (name.clone(), PathBuf::from(path), None)).collect()
    }

    fn root(&self, name: &str, path: &Path) -> Link {
        let detail = self.said.as_ref().and_then(Said::detail);
        let mut told = detail.into_iter().flat_map(|detail| &detail.roots);
        let seen = facts::root(path, &self.around);
        roots::judge(&roots::Facts {
            name,
            path,
            spot: &seen.spot,
            parent: &seen.parent,
            is_read_only: seen.is_read_only,
            mounts: &seen.mounts,
            foreign: &seen.foreign,
            told: told.find(|root| root.name == name).map(|root| root.state.as_str()),
            home: &self.around.home,
            has_icloud: facts::has_icloud(&self.around),
            start: &self.start,
            uid: self.around.uid,
        })
    }

    fn state(&self, path: &Path) -> Link {
        let newer = facts::newer_jobs(path);
        let spot = facts::spot(path);
        let inner = ["jobs", "audit"].map(|name| (path.join(name), facts::spot(&path.join(name))));
        let uid = self.around.uid;
        state::judge(&state::Facts { path, spot: &spot, inner: &inner, newer: &newer, uid })
    }

    fn space(&self, roots: &[(String, PathBuf, Option<u64>)], state: Option<&Path>) -> Vec<Link> {
        let held = |name: &str| {
            let said = self.said.as_ref();
            said.and_then(|said| said.held.get(name)).copied().unwrap_or_default()
        };
        let quota = |name: &str, most: Option<u64>| most.map(|most| (held(name), most));
        let rooms = roots.iter().map(|(name, path, most)| {
            facts::room(format!("root {name}"), path, quota(name, *most))
        });
        let state = state.map(|path| facts::room("state".to_owned(), path, None));
        space::judge(&rooms.chain(state).collect::<Vec<_>>())
    }
}

const NOBODY: &str = "not looked at: it is not known where the socket is";
const UNREAD: &str = "not looked at: the policy cannot be read";
