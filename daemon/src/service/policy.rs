//! `policy.show`: what the peer that asks is granted, as the policy itself answers it.
//!
//! Every line is an ask put to `Policy::decide`, so that this can never say more or less than what
//! a request would be answered. It tells nothing of other peers, their rules or their roots.

use darkslide_policy::{Ask, Call};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::policy::{
    GrantedLibrary, GrantedRoot, Handover, PolicyShow, PolicyShowParams,
};
use darkslide_protocol::method::{self, METHODS, Method};

use super::{Caller, Service};

impl Service {
    /// Answers `policy.show`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn policy_show(
        &self,
        caller: &Caller,
        _: &PolicyShowParams,
    ) -> Result<PolicyShow, WireError> {
        let grant = self.ask(caller, &Ask::<Call>::new(method::PolicyShow::NAME, ()))?;
        let peer = caller.peer();
        let libraries = self.policy.scopes_of(peer).map(|scope| GrantedLibrary {
            name: scope.library().to_string(),
            hidden: scope.shows_hidden(),
            trashed: scope.shows_trashed(),
            location: scope.shows_location(),
            albums: scope.albums().map(<[String]>::to_vec),
            referenced: scope.referenced().iter().map(ToString::to_string).collect(),
        });
        let roots = self.policy.roots_of(peer).map(|(name, path, max_bytes)| GrantedRoot {
            name: name.to_string(),
            path: path.to_string(),
            max_bytes,
        });
        Ok(PolicyShow {
            rule: grant.rule().to_string(),
            uid: peer.uid.get(),
            methods: METHODS
                .iter()
                .map(|row| row.name)
                .filter(|name| self.policy.may_call(peer, name))
                .map(str::to_owned)
                .collect(),
            libraries: libraries.collect(),
            roots: roots.collect(),
            resources: match self.policy.handover_to(peer) {
                darkslide_policy::Handover::Descriptors => Handover::Descriptors,
                darkslide_policy::Handover::Bytes => Handover::Bytes,
            },
        })
    }
}
