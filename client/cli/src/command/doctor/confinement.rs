//! The sixth link: does the kernel enforce what the policy demands?
//!
//! Pure: the daemon asks its kernel anew for each answer, and that answer comes in. A daemon that
//! must be confined does not start without; so what is missing is a warning where the policy says
//! `best-effort`, and a break where it does not.

use darkslide_client::protocol::message::health::Confinement;

use super::chain::{Link, Name};

/// Judges the daemon's answer; `best_effort` as the policy says.
pub(super) fn judge(told: Option<&Confinement>, best_effort: Option<bool>) -> Link {
    let Some(told) = told else {
        return Link::unknown(Name::Confinement, "not looked at: nobody has answered");
    };
    if told.enforced {
        let seccomp = if told.seccomp { ", seccomp" } else { "" };
        let what = match told.landlock_abi {
            // Another system's, which keeps files from being truncated, too.
            0 => format!("everything that is required is enforced: {}{seccomp}", told.truncation),
            abi => format!("everything that is required is enforced: Landlock ABI {abi}{seccomp}"),
        };
        return Link::ok(Name::Confinement, what);
    }
    let missing = format!("not enforced: {}", told.missing.join("; "));
    match best_effort {
        Some(true) => Link::warning(
            Name::Confinement,
            format!("{missing}; the policy allows that (best-effort)"),
            "darkslide health".to_owned(),
        ),
        Some(false) | None => Link::broken(Name::Confinement, missing, "darkslide health"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_weighed_by_the_policy() {
        let mut told: Confinement = serde_json::from_str(
            r#"{"enforced":false,"landlock_abi":0,"truncation":"nothing","seccomp":true,
                "no_new_privs":true,"refusals":[],"missing":["Landlock"]}"#,
        )
        .unwrap();
        for (policy, state) in
            [(Some(true), State::Warning), (Some(false), State::Broken), (None, State::Broken)]
        {
            let link = judge(Some(&told), policy);
            assert_eq!(link.state, state);
            assert!(link.what.contains("Landlock") && link.hint.is_some(), "{link:?}");
        }
        told.enforced = true;
        assert_eq!(judge(Some(&told), None).state, State::Ok);
        assert_eq!(judge(None, None).state, State::Unknown);
    }
}
