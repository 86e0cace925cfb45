//! The files below `launchd/` as they are installed: the templates that are shipped, with the
//! places of this machine put in.
//!
//! Pure. The templates are part of this program, so that what is reviewed is what is installed.
//! Each place is put in where the template has it, and nowhere else. The hazard: a path with a
//! percent sign, a quote or an ampersand, which systemd or a property list would read as its own.

use std::path::{Path, PathBuf};

use super::error::ServiceError;
use super::files::{Comment, Wanted};
use super::place::Here;
use super::quote::{plain, systemd_word, xml_text};
use super::schedule::Schedule;

/// The socket's unit.
pub(crate) const SOCKET: &str = "darkslided.socket";
/// The daemon's unit.
pub(crate) const SERVICE: &str = "darkslided.service";
/// The LaunchAgent.
pub(crate) const LABEL: &str = "darkslide.darkslided";
/// What the names of scheduled exports begin with.
pub(crate) const EXPORT: &str = "darkslide-export-";
/// The same among LaunchAgents.
pub(crate) const EXPORT_LABEL: &str = "darkslide.export.";

const SOCKET_TEMPLATE: &str = include_str!("../../../../../launchd/systemd/user/darkslided.socket");
const SERVICE_TEMPLATE: &str =
    include_str!("../../../../../launchd/systemd/user/darkslided.service");
const EXPORT_TIMER_TEMPLATE: &str =
    include_str!("../../../../../launchd/systemd/user/darkslide-export-NAME.timer");
const EXPORT_SERVICE_TEMPLATE: &str =
    include_str!("../../../../../launchd/systemd/user/darkslide-export-NAME.service");
const AGENT_TEMPLATE: &str = include_str!("../../../../../launchd/darkslided.plist");
const EXPORT_AGENT_TEMPLATE: &str =
    include_str!("../../../../../launchd/darkslide-export-NAME.plist");

/// The policy that a Mac begins with, where only root writes it.
pub(crate) const MAC_POLICY: &str = include_str!("../../../../../launchd/policy-macos.toml");

/// Where systemd looks for the units of this user.
pub(crate) fn units_folder(here: &Here) -> PathBuf {
    here.settings.join("systemd/user")
}

/// Where launchd looks for the agents of this user.
pub(crate) fn agents_folder(here: &Here) -> PathBuf {
    here.home.join("Library/LaunchAgents")
}

/// The daemon's units: socket and service.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn units(here: &Here, daemon: &Path) -> Result<Vec<Wanted>, ServiceError> {
    let command = systemd_word(text("the program's path", daemon)?);
    let service = put(
        SERVICE_TEMPLATE,
        "ExecStart=/usr/local/bin/darkslided",
        &format!("ExecStart={command}"),
    );
    let unit =
        |name: &str, text: &str| Wanted::new(units_folder(here).join(name), text, Comment::Unit);
    Ok(vec![unit(SOCKET, SOCKET_TEMPLATE), unit(SERVICE, &service)])
}

/// The units of a scheduled export: timer and service.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn export_units(here: &Here, schedule: &Schedule) -> Result<Vec<Wanted>, ServiceError> {
    let program = systemd_word(text("the program's path", &here.darkslide)?);
    let words: Vec<String> = schedule.words().iter().map(|word| systemd_word(word)).collect();
    let command = format!("ExecStart=:{program} {}", words.join(" "));
    let timer = EXPORT_TIMER_TEMPLATE.replace("NAME", schedule.name());
    let timer = put(&timer, "*-*-* 04:30:00", &format!("*-*-* {}:00", schedule.at()));
    let service = EXPORT_SERVICE_TEMPLATE.replace("NAME", schedule.name());
    let service = put(&service, "ExecStart=:/usr/local/bin/darkslide export", &command);
    let unit = |kind: &str, text: &str| {
        let name = format!("{EXPORT}{}.{kind}", schedule.name());
        Wanted::new(units_folder(here).join(name), text, Comment::Unit)
    };
    Ok(vec![unit("timer", &timer), unit("service", &service)])
}

/// The daemon's LaunchAgent.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn agent(here: &Here, daemon: &Path) -> Result<Wanted, ServiceError> {
    let text = placed(AGENT_TEMPLATE, here, daemon)?;
    Ok(Wanted::new(agent_path(here, LABEL), &text, Comment::PropertyList))
}

/// The LaunchAgent of a scheduled export.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn export_agent(here: &Here, schedule: &Schedule) -> Result<Wanted, ServiceError> {
    let mut words = Vec::new();
    for word in schedule.words() {
        let word = xml_text(plain("an argument of the export", word)?);
        words.push(format!("        <string>{word}</string>"));
    }
    let (hour, minute) = schedule.at().hour_and_minute();
    let template = EXPORT_AGENT_TEMPLATE.replace("NAME", schedule.name());
    let template = put(&template, "<integer>4</integer>", &format!("<integer>{hour}</integer>"));
    let template = put(&template, "<integer>30</integer>", &format!("<integer>{minute}</integer>"));
    let template = placed(&template, here, &here.darkslide)?;
    // Last, for a word may look like anything.
    let text = put(
        &template,
        "        <string>export</string>\n        <!-- @WORDS@ -->",
        &words.join("\n"),
    );
    let label = format!("{EXPORT_LABEL}{}", schedule.name());
    Ok(Wanted::new(agent_path(here, &label), &text, Comment::PropertyList))
}

/// Where an agent of that label is.
pub(crate) fn agent_path(here: &Here, label: &str) -> PathBuf {
    agents_folder(here).join(format!("{label}.plist"))
}

fn placed(template: &str, here: &Here, program: &Path) -> Result<String, ServiceError> {
    let program = xml_text(text("the program's path", program)?);
    let home = xml_text(text("the home folder", &here.home)?);
    // One after the other, each on what the template has of it alone: a home may be called
    // @PROGRAM@.
    let pieces: Vec<String> =
        template.split("@HOME@").map(|piece| piece.replace("@PROGRAM@", &program)).collect();
    Ok(pieces.join(&home))
}

fn put(template: &str, place: &str, text: &str) -> String {
    debug_assert_eq!(template.matches(place).count(), 1, "{place} stands once in the template");
    template.replacen(place, text, 1)
}

fn text<'a>(what: &'static str, path: &'a Path) -> Result<&'a str, ServiceError> {
    let text = path.to_str().ok_or_else(|| ServiceError::Unwritable {
        what,
        text: path.to_string_lossy().into_owned(),
    })?;
    plain(what, text)
}

#[cfg(test)]
mod tests {
    use super::super::quote::read;
    use super::*;

    /// A home and programs with all that a unit or a property list could take for its own.
    fn here() -> Here {
        let home = PathBuf::from("/home/a--b c%h\"'&<@PROGRAM@$X-->");
        Here {
            settings: home.join(".config"),
            darkslide: home.join("bin/darkslide"),
            home,
            uid: 501,
        }
    }

    fn line<'a>(text: &'a str, key: &str) -> &'a str {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let line = lines.next().unwrap();
        assert_eq!(lines.next(), None, "{key} stands once");
        line
    }

    #[test]
    fn the_daemons_units_name_its_program_as_it_is() {
        let here = here();
        let daemon = here.home.join("bin/darkslided");
        let units = units(&here, &daemon).unwrap();
        let [socket, service] = units.as_slice() else { panic!("two units") };
        assert!(socket.text().ends_with(SOCKET_TEMPLATE), "what is shipped is what is installed");
        let command = line(service.text(), "ExecStart");
        assert_eq!(read::command(&format!(":{command}")).unwrap(), [daemon.to_str().unwrap()]);
        let rest: Vec<&str> = service.text().lines().skip(1).collect();
        let shipped: Vec<&str> = SERVICE_TEMPLATE.lines().collect();
        let other = rest.iter().zip(&shipped).filter(|(ours, theirs)| ours != theirs).count();
        assert_eq!((rest.len(), other), (shipped.len(), 1), "only the command differs");
    }

    #[test]
    fn an_exports_units_say_when_and_what() {
        let here = here();
        let words = ["export", "/nas/a b", "--album", "100% $HOME \"x\"; \\"];
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let schedule = Schedule::new("nightly", "23:05", words.clone()).unwrap();
        let units = export_units(&here, &schedule).unwrap();
        let [timer, service] = units.as_slice() else { panic!("two units") };
        assert!(timer.path().ends_with("systemd/user/darkslide-export-nightly.timer"));
        assert!(service.path().ends_with("systemd/user/darkslide-export-nightly.service"));
        assert_eq!(line(timer.text(), "OnCalendar"), "*-*-* 23:05:00");
        assert_eq!(line(service.text(), "SuccessExitStatus"), "4");
        let mut command = read::command(line(service.text(), "ExecStart")).unwrap();
        assert_eq!(command.remove(0), here.darkslide.to_str().unwrap());
        assert_eq!(command, words);
        assert!(!timer.text().contains("NAME") && !service.text().contains("NAME"));
    }

    #[test]
    fn the_agents_have_absolute_paths_and_decimal_modes() {
        let here = here();
        let daemon = here.home.join("bin/darkslided");
        let agent = agent(&here, &daemon).unwrap();
        assert!(agent.path().ends_with("Library/LaunchAgents/darkslide.darkslided.plist"));
        let value = plist::Value::from_reader_xml(agent.text().as_bytes()).unwrap();
        let dictionary = value.as_dictionary().unwrap();
        let text = |key: &str| dictionary.get(key).unwrap().as_string().unwrap();
        assert_eq!(text("Label"), LABEL);
        let words = dictionary["ProgramArguments"].as_array().unwrap();
        assert_eq!(words[..], [plist::Value::from(daemon.to_str().unwrap())]);
        let listener = dictionary["Sockets"].as_dictionary().unwrap()["Listener"].as_dictionary();
        let listener = listener.unwrap();
        let socket = listener["SockPathName"].as_string().unwrap();
        assert_eq!(Path::new(socket), here.home.join("Library/Application Support/darkslide/s"));
        assert_eq!(listener["SockPathMode"].as_unsigned_integer(), Some(0o600));
        assert!(text("StandardErrorPath").starts_with(here.home.to_str().unwrap()));
    }

    #[test]
    fn an_exports_agent_says_when_and_what() {
        let here = here();
        let words = ["export", "/a & b", "--album", "<x> @HOME@ <!-- @WORDS@ -->"];
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let schedule = Schedule::new("nightly", "04:04", words.clone()).unwrap();
        let agent = export_agent(&here, &schedule).unwrap();
        let value = plist::Value::from_reader_xml(agent.text().as_bytes()).unwrap();
        let dictionary = value.as_dictionary().unwrap();
        let told = dictionary["ProgramArguments"].as_array().unwrap();
        let told: Vec<&str> = told.iter().map(|word| word.as_string().unwrap()).collect();
        assert_eq!(told[0], here.darkslide.to_str().unwrap());
        assert_eq!(told[1..], words);
        let when = dictionary["StartCalendarInterval"].as_dictionary().unwrap();
        let number = |key: &str| when[key].as_unsigned_integer().unwrap();
        assert_eq!((number("Hour"), number("Minute")), (4, 4));
    }

    #[test]
    fn what_is_no_line_of_text_is_refused() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let here = here();
        for program in [&b"/a\nb"[..], b"/a\x7fb", b"/\xff"] {
            let program = Path::new(OsStr::from_bytes(program));
            for refused in [units(&here, program).map(drop), agent(&here, program).map(drop)] {
                assert!(matches!(refused, Err(ServiceError::Unwritable { .. })), "{refused:?}");
            }
        }
    }
}
