//! The only maker of grants: which rule applies to a peer, and what it allows.
//!
//! Pure and total: the answer depends on the policy, the peer and the ask, and on nothing else.
//! Default deny: the first rule that matches the peer applies (uid, gid, program), and what it does
//! not name is refused. `decisions.tsv` is run through this function by the test below; it is
//! printed in `docs/policy.md`, and the confinement test tries the kernel on the same table.

use std::collections::BTreeSet;

use crate::ask::{Ask, Destination, Effect};
use crate::denial::{Denial, DenialReason};
use crate::document::{ClientRule, Handover, Policy, Program};
use crate::grant::{Grant, ReadScope, WriteScope};
use crate::{AbsPath, CodeRequirement, LibraryName, Peer, RootName, RuleName};

impl Policy {
    /// Answers one ask of one peer.
    ///
    /// # Errors
    /// A [`Denial`] that says which rule refused and why.
    pub fn decide<E: Effect>(&self, peer: &Peer, ask: &Ask<E>) -> Result<Grant<E>, Denial> {
        let rule = self.rule_for(peer)?;
        let refuse = |reason| Denial::new(Some(rule.name.clone()), reason);
        if !rule.allows_method(ask.method()) {
            let method = ask.method().to_owned();
            return Err(refuse(if rule.lists(ask.method()) {
                DenialReason::Program(method)
            } else {
                DenialReason::Method(method)
            }));
        }
        if !rule.allows_descriptors(ask.method()) {
            return Err(refuse(DenialReason::Descriptors(ask.method().to_owned())));
        }
        let covers = E::judge(self, rule, ask.object()).map_err(refuse)?;
        Ok(Grant::new(rule.name.clone(), covers))
    }

    /// Answers whether a peer may be served at all: asked right after accept, before a byte is
    /// read.
    ///
    /// # Errors
    /// A [`Denial`] when no rule is for the peer; the overflow uid is never named.
    pub fn admit(&self, peer: &Peer) -> Result<&RuleName, Denial> {
        self.rule_for(peer).map(|rule| &rule.name)
    }

    /// Does the rule of a peer name this method, and what it hands over? What it may be called on
    /// is another question.
    #[must_use]
    pub fn may_call(&self, peer: &Peer, method: &str) -> bool {
        let allows =
            |rule: &ClientRule| rule.allows_method(method) && rule.allows_descriptors(method);
        self.rule_for(peer).is_ok_and(allows)
    }

    /// How the content of resources gets to a peer.
    #[must_use]
    pub fn handover_to(&self, peer: &Peer) -> Handover {
        self.rule_for(peer).map_or(Handover::Bytes, |rule| rule.resources)
    }

    /// What a peer would be granted of each library that it may read, in the order of the policy.
    /// A scope is no grant: it opens nothing.
    pub fn scopes_of(&self, peer: &Peer) -> impl Iterator<Item = ReadScope> {
        let rule = self.rule_for(peer).ok();
        self.libraries().filter_map(move |library| self.judge_read(rule?, &library.name).ok())
    }

    /// The libraries that a peer may read, in the order of the policy.
    pub fn libraries_of(&self, peer: &Peer) -> impl Iterator<Item = &LibraryName> {
        let rule = self.rule_for(peer).ok();
        self.libraries()
            .map(|library| &library.name)
            .filter(move |name| rule.is_some_and(|rule| rule.libraries.contains(name)))
    }

    /// The roots that a peer may write below, in the order of the policy: where each is, and how
    /// many bytes it may hold.
    pub fn roots_of(
        &self,
        peer: &Peer,
    ) -> impl Iterator<Item = (&RootName, &AbsPath, Option<u64>)> {
        let rule = self.rule_for(peer).ok();
        self.roots()
            .filter(move |root| rule.is_some_and(|rule| rule.roots.contains(&root.name)))
            .map(|root| (&root.name, &root.path, root.max_bytes))
    }

    /// The requirements that decide which rule applies to a peer of this uid and gid: what the
    /// system is to be asked about its program, each once. None on Linux.
    #[must_use]
    pub fn requirements_for(&self, peer: &Peer) -> BTreeSet<CodeRequirement> {
        let asked = self.rules_of(peer).filter_map(|rule| match &rule.program {
            Program::Meeting(requirement) => Some(requirement.clone()),
            Program::Any | Program::Unsaid => None,
        });
        asked.collect()
    }

    /// Each requirement of the policy, with its rule.
    pub fn code_requirements(&self) -> impl Iterator<Item = (&RuleName, &CodeRequirement)> {
        self.clients().filter_map(|rule| match &rule.program {
            Program::Meeting(requirement) => Some((&rule.name, requirement)),
            Program::Any | Program::Unsaid => None,
        })
    }

    /// Is the rule of this name for one program alone? Then nobody but that may have what it
    /// started go on.
    #[must_use]
    pub fn is_for_one_program(&self, rule: &str) -> bool {
        let is_for_one = |rule: &ClientRule| matches!(rule.program, Program::Meeting(_));
        self.clients().any(|one| one.name.as_str() == rule && is_for_one(one))
    }

    /// Does any rule ask for a program? Then the kernel has to let us look at programs.
    #[must_use]
    pub fn looks_at_programs(&self) -> bool {
        self.clients().any(|rule| matches!(rule.program, Program::Meeting(_)))
    }

    /// The first that is for the peer's program; failing that, the first that does not say for
    /// which it is.
    fn rule_for(&self, peer: &Peer) -> Result<&ClientRule, Denial> {
        let is_for = |rule: &&ClientRule| match &rule.program {
            Program::Any => true,
            Program::Meeting(requirement) => peer.code.meets(requirement),
            Program::Unsaid => false,
        };
        let unsaid = || self.rules_of(peer).find(|rule| rule.program == Program::Unsaid);
        self.rules_of(peer).find(is_for).or_else(unsaid).ok_or_else(|| {
            let is_named = self.rules_of(peer).next().is_some();
            let no_rule = DenialReason::NoRule { uid: peer.uid, gid: peer.gid, is_named };
            Denial::new(None, no_rule)
        })
    }

    /// The rules that name a peer's uid, and its gid if they name one.
    fn rules_of(&self, peer: &Peer) -> impl Iterator<Item = &ClientRule> {
        let (uid, gid) = (peer.uid, peer.gid);
        self.clients()
            .filter(move |rule| rule.uid == uid && rule.gid.is_none_or(|named| named == gid))
            .filter(move |_| !uid.is_overflow())
    }

    pub(crate) fn judge_read(
        &self,
        rule: &ClientRule,
        name: &LibraryName,
    ) -> Result<ReadScope, DenialReason> {
        let library = self
            .libraries()
            .find(|library| library.name == *name && rule.libraries.contains(name))
            .ok_or_else(|| DenialReason::Library(name.as_str().to_owned()))?;
        // A rule's key only ever narrows what the library grants.
        let narrowed = |key: Option<bool>| key == Some(false);
        Ok(ReadScope {
            library: name.clone(),
            hidden: library.hidden && !narrowed(rule.hidden),
            trashed: library.trashed && !narrowed(rule.trashed),
            location: library.location && !narrowed(rule.location),
            albums: rule.albums.clone(),
            referenced: if narrowed(rule.referenced) {
                Vec::new()
            } else {
                library.referenced.clone()
            },
            handover: rule.resources,
        })
    }

    pub(crate) fn judge_write(
        &self,
        rule: &ClientRule,
        destination: &Destination,
    ) -> Result<WriteScope, DenialReason> {
        let own = || self.roots().filter(|root| rule.roots.contains(&root.name));
        let known = || own().map(|root| (root.name.clone(), root.path.clone())).collect();
        let (root, path) = match destination {
            Destination::Named { root: name, path } => {
                own().find(|root| root.name == *name).map(|root| (root, path.clone())).ok_or_else(
                    || DenialReason::Root { asked: name.as_str().to_owned(), own: known() },
                )?
            }
            Destination::Absolute(asked) => own()
                .find_map(|root| root.path.below(asked).map(|path| (root, path)))
                .ok_or_else(|| DenialReason::OutsideRoots { asked: asked.clone(), own: known() })?,
        };
        let modes = [root.file_mode, root.dir_mode];
        Ok(WriteScope::new(root.name.clone(), path, modes, root.max_bytes))
    }
}
