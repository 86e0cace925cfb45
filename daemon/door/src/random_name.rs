//! Names that nobody can foresee and that nothing else has: 128 random bits in hex.
//!
//! Temporary files, what stands aside, and the boot's own test carry them. Pure but for the
//! randomness, which comes from the standard library's keys of hash maps: SipHash under a key from
//! the kernel, which is all that is needed against somebody who plants names, and brings no
//! dependency. No secret is ever made of it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use darkslide_policy::Component;

/// Returns a fresh name of 32 hex digits.
#[must_use]
pub fn random_name() -> Component {
    let half = || RandomState::new().build_hasher().finish();
    Component::parse(&format!("{:016x}{:016x}", half(), half())).expect("32 hex digits are a name")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_of_fixed_form_and_differ() {
        let names: BTreeSet<String> =
            (0..10_000).map(|_| random_name().as_str().to_owned()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(
            names.iter().all(|name| name.len() == 32
                && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        );
    }
}
