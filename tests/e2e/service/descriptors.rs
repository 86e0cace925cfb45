//! Files of a library in the hands of peers: as descriptors, as bytes, as images to be shown.
//!
//! What comes is held against the file that was built, and the library must stay as it was. Whoever
//! does not take what it asked for, or goes, leaves nothing open in the daemon: its descriptors are
//! counted from outside.

mod limits;
mod receiver;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Snapshot, Version,
};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::named;
use rustix::fs::OFlags;
use serde_json::{Value, json};

use crate::{DARKSLIDED, serve_small};
use receiver::{Receiver, request};

fn uuid_of(library: &BuiltLibrary, name: &str) -> String {
    let mut assets = library.assets().iter();
    assets.find(|asset| asset.original_name() == name).unwrap().uuid().to_owned()
}

fn path_of(library: &BuiltLibrary, name: &str, version: Version) -> PathBuf {
    let mut assets = library.assets().iter();
    let asset = assets.find(|asset| asset.original_name() == name).unwrap();
    library.path().join(asset.file(version).unwrap().path().unwrap())
}

fn version(uuid: &str, version: &str) -> Value {
    json!({"library": "main", "uuid": uuid, "version": version})
}

fn content(mut file: File) -> Vec<u8> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    content
}

fn receiver(service: &Service) -> Receiver {
    Receiver::connect(&service.socket)
}

/// A daemon with a library of one asset.
fn serve(spec: AssetSpec) -> (Place, BuiltLibrary, Service) {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(spec);
    let library = builder.build(&place.path().join("One.photoslibrary")).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    (place, library, service)
}

#[test]
fn each_version_comes_as_the_file_itself_to_be_read_and_nothing_else() {
    let (_place, library, service) = serve_small();
    let before = Snapshot::take(library.path()).unwrap();
    let mut peer = receiver(&service);
    for (original, word, which, name, uti) in [
        ("IMG_0.JPG", "original", Version::Original, "IMG_0.JPG", "public.jpeg"),
        ("edit.jpg", "edited", Version::Edited, "edit.jpeg", "public.jpeg"),
        ("edit.jpg", "aae", Version::Aae, "edit.plist", "com.apple.property-list"),
        ("live.heic", "live_video", Version::LiveVideo, "live.mov", "com.apple.quicktime-movie"),
    ] {
        let uuid = uuid_of(&library, original);
        let expected = fs::read(path_of(&library, original, which)).unwrap();
        let (result, mut file) = peer.file("resource.open", &version(&uuid, word));
        let told = json!({"version": word, "size": expected.len(), "name": name, "uti": uti});
        assert_eq!(result, told);
        let flags = rustix::fs::fcntl_getfl(&file).unwrap();
        assert_eq!(flags & (OFlags::ACCMODE | OFlags::NONBLOCK), OFlags::RDONLY);
        let flags = rustix::io::fcntl_getfd(&file).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        assert!(file.write(b"x").is_err() && file.set_len(0).is_err(), "{word}");
        assert_eq!(content(file), expected, "{word}");
    }
    peer.assert_nothing_left();
    assert!(before.diff(&Snapshot::take(library.path()).unwrap()).is_empty());
}

#[test]
fn the_nth_frame_takes_the_nth_descriptor_however_many_are_in_flight() {
    const REQUESTS: u64 = 400;
    let (_place, library, service) = serve_small();
    let files: Vec<(String, Vec<u8>)> = (0..5)
        .map(|number| format!("IMG_{number}.JPG"))
        .map(|name| {
            let path = path_of(&library, &name, Version::Original);
            (uuid_of(&library, &name), fs::read(path).unwrap())
        })
        .collect();
    let mut all = Vec::new();
    for id in 0..REQUESTS {
        all.extend(match id % 4 {
            0 => request(id, "health", &json!({"brief": true})),
            1 => request(
                id,
                "resource.open",
                &version("FFFFFFFF-0000-4000-8000-000000000000", "raw"),
            ),
            _ => {
                let (uuid, _) = &files[usize::try_from(id).unwrap() % files.len()];
                request(id, "resource.open", &version(uuid, "original"))
            }
        });
    }
    let mut peer = receiver(&service);
    let mut writer = peer.stream().try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&all).unwrap());
    let mut seen = Vec::new();
    for _ in 0..REQUESTS {
        let (answer, file) = peer.receive();
        let id = answer["id"].as_u64().unwrap();
        match (id % 4, file) {
            (0, None) => assert_eq!(answer["result"]["protocol"], 1),
            (1, None) => assert_eq!(named(&answer), "NOT_FOUND/not-found"),
            (_, Some(file)) => {
                let (_, expected) = &files[usize::try_from(id).unwrap() % files.len()];
                assert_eq!(&content(file), expected, "{id}");
            }
            (_, None) => panic!("{answer}"),
        }
        seen.push(id);
    }
    writing.join().unwrap();
    peer.assert_nothing_left();
    seen.sort_unstable();
    assert_eq!(seen, (0..REQUESTS).collect::<Vec<u64>>());
}

#[test]
fn descriptors_that_a_peer_sends_with_a_request_stay_out_and_its_own_comes() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd;
    let (_place, library, service) = serve_small();
    // Descriptors of the null device, which is what is sent here.
    let open = || {
        let entries = fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap();
        let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.filter(|link| link == Path::new("/dev/null")).count()
    };
    let mut peer = receiver(&service);
    let params = version(&uuid_of(&library, "IMG_1.JPG"), "original");
    let expected = content(peer.file("resource.open", &params).1);
    let before = open();
    let null = File::open("/dev/null").unwrap();
    for id in 0..20 {
        let bytes = request(id, "resource.open", &params);
        let files = vec![null.as_fd(); 253];
        let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
        let all = [std::io::IoSlice::new(&bytes)];
        sendmsg(peer.stream(), &all, &mut control, SendFlags::empty()).unwrap();
        let (answer, file) = peer.receive();
        assert_eq!(answer["id"], id);
        assert_eq!(content(file.unwrap()), expected);
    }
    assert_eq!(open(), before);
}

#[test]
fn what_is_not_here_has_its_reason_and_a_link_in_its_place_is_refused() {
    let (place, library, service) = serve_small();
    let mut peer = receiver(&service);
    let mut refused = |uuid: &str, word: &str| {
        let (answer, _) = peer.call("resource.open", &version(uuid, word));
        let part = json!({"library": "main", "uuid": uuid, "version": word, "offset": 0,
            "length": 1});
        assert_eq!(named(&peer.call("resource.read", &part).0), named(&answer), "{word}");
        named(&answer)
    };
    assert_eq!(refused(&uuid_of(&library, "cloud.jpg"), "original"), "NOT_LOCAL/in-icloud");
    let own = uuid_of(&library, "IMG_0.JPG");
    assert_eq!(refused(&own, "edited"), "NOT_FOUND/not-found");
    assert_eq!(refused(&own, "preview"), "NOT_FOUND/not-found");
    assert_eq!(refused(&own, "Original"), "INVALID_PARAMS/invalid-params");
    assert_eq!(refused("../../../etc/passwd", "original"), "INVALID_PARAMS/invalid-params");
    let path = path_of(&library, "IMG_0.JPG", Version::Original);
    let secret = place.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(&own, "original"), "NOT_LOCAL/not-on-disk");
    symlink(&secret, &path).unwrap();
    assert_eq!(refused(&own, "original"), "NOT_LOCAL/not-a-regular-file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(&own, "original"), "NOT_LOCAL/not-a-regular-file");
    drop(service);
}

#[test]
fn what_a_grant_withholds_is_not_handed_over() {
    for (spec, key) in [
        (AssetSpec::photo("a.jpg", Content::jpeg(1)).hidden(), "hidden = true"),
        (AssetSpec::photo("a.jpg", Content::jpeg(1)).trashed(), "trashed = true"),
    ] {
        let place = Place::new();
        let mut builder = LibraryBuilder::new(Model::Photos11);
        builder.asset(spec);
        let library = builder.build(&place.path().join("One.photoslibrary")).unwrap();
        let uuid = library.assets()[0].uuid();
        let policy = Place::policy(library.path());
        for (policy, is_shown) in [(policy.replace(key, ""), false), (policy, true)] {
            let service = place.start(DARKSLIDED, &policy);
            let mut peer = receiver(&service);
            let image = json!({"library": "main", "uuid": uuid, "min_pixels": 1});
            for (method, params) in
                [("resource.open", version(uuid, "original")), ("thumbnail.open", image)]
            {
                let (answer, file) = peer.call(method, &params);
                assert_eq!(file.is_some(), is_shown, "{key} {answer}");
                assert!(is_shown || named(&answer) == "NOT_FOUND/not-found", "{answer}");
            }
        }
    }
}

#[test]
fn a_rule_that_says_bytes_gets_bytes_and_no_descriptor() {
    let (place, library, service) = serve_small();
    drop(service);
    let policy = Place::policy(library.path()) + "resources = \"bytes\"\n";
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = receiver(&service);
    let uuid = uuid_of(&library, "IMG_2.JPG");
    let image = json!({"library": "main", "uuid": uuid, "min_pixels": 1});
    for (method, params) in
        [("resource.open", version(&uuid, "original")), ("thumbnail.open", image)]
    {
        let (answer, file) = peer.call(method, &params);
        assert!(file.is_none() && named(&answer) == "DENIED/denied", "{answer}");
        assert!(answer["error"]["data"]["hint"].as_str().unwrap().contains("resource.read"));
    }
    let part = json!({"library": "main", "uuid": uuid, "version": "original", "offset": 0,
        "length": 1000});
    assert_eq!(peer.call("resource.read", &part).0["result"]["end"], true);
    let (shown, _) = peer.call("policy.show", &json!({}));
    assert_eq!(shown["result"]["resources"], "bytes");
    let methods = shown["result"]["methods"].as_array().unwrap();
    assert!(
        methods.contains(&json!("resource.read")) && !methods.contains(&json!("resource.open"))
    );
    assert!(service.log().contains("resources"), "{}", service.log());
}

/// The header of a JPEG of that size.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
    [&[0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8][..], &height, &width, &[3; 12]].concat()
}

#[test]
fn the_smallest_image_that_is_large_enough_is_opened_and_else_the_largest() {
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).preview(Content::jpeg(2));
    let (_place, library, service) = serve(spec);
    let uuid = library.assets()[0].uuid();
    let (preview, original) = (jpeg(768, 1024), jpeg(4032, 3024));
    fs::write(path_of(&library, "A.JPG", Version::Preview), &preview).unwrap();
    fs::write(path_of(&library, "A.JPG", Version::Original), &original).unwrap();
    let mut peer = receiver(&service);
    for (least, word, [width, height], expected) in [
        (1, "preview", [768, 1024], &preview),
        (1024, "preview", [768, 1024], &preview),
        (1025, "original", [4032, 3024], &original),
        (65_535, "original", [4032, 3024], &original),
    ] {
        let params = json!({"library": "main", "uuid": uuid, "min_pixels": least});
        let (result, file) = peer.file("thumbnail.open", &params);
        let name = if word == "preview" { "A.jpeg" } else { "A.JPG" };
        let told = json!({"version": word, "width": width, "height": height,
            "size": expected.len(), "name": name, "uti": "public.jpeg"});
        assert_eq!(result, told);
        assert_eq!(&content(file), expected, "{least}");
    }
    for least in [json!(0), json!(65_536), json!(-1), json!(4_294_967_296_u64), json!(1.5)] {
        let params = json!({"library": "main", "uuid": uuid, "min_pixels": least});
        let (answer, _) = peer.call("thumbnail.open", &params);
        assert_eq!(named(&answer), "INVALID_PARAMS/invalid-params", "{least}");
    }
}

#[test]
fn an_asset_without_an_image_here_says_whether_there_is_one_elsewhere() {
    let ask = |spec: AssetSpec, prepare: &dyn Fn(&Path)| {
        let (_place, library, service) = serve(spec);
        prepare(library.path());
        let params =
            json!({"library": "main", "uuid": library.assets()[0].uuid(), "min_pixels": 1});
        named(&receiver(&service).call("thumbnail.open", &params).0)
    };
    let film = || AssetSpec::movie("A.MOV", Content::mov(1));
    assert_eq!(ask(film(), &|_| ()), "NOT_FOUND/not-found");
    let cloud = AssetSpec::photo("A.JPG", Content::jpeg(1)).in_cloud(Version::Original);
    assert_eq!(ask(cloud, &|_| ()), "NOT_LOCAL/in-icloud");
    let gone = |bundle: &Path| fs::remove_dir_all(bundle.join("resources/derivatives")).unwrap();
    let with_preview = film().preview(Content::jpeg(2));
    assert_eq!(ask(with_preview, &gone), "NOT_LOCAL/not-on-disk");
}

#[test]
fn a_file_is_read_in_parts_to_its_end_and_not_beyond() {
    const MOST: u64 = 2 * 1024 * 1024;
    let (_place, library, service) = serve(AssetSpec::photo("A.JPG", Content::jpeg(1)));
    let all: Vec<u8> = (0..5 * 1024 * 1024 + 3_u32).map(|at| (at % 251) as u8).collect();
    fs::write(path_of(&library, "A.JPG", Version::Original), &all).unwrap();
    let mut peer = receiver(&service);
    let mut part = |offset: u64, length: u64| {
        let params = json!({"library": "main", "uuid": library.assets()[0].uuid(),
            "version": "original", "offset": offset, "length": length});
        let (answer, file) = peer.call("resource.read", &params);
        assert!(file.is_none());
        answer
    };
    let (mut read, mut parts) = (Vec::new(), 0);
    loop {
        let mut answer = part(read.len() as u64, MOST);
        let result = answer["result"].take();
        assert_eq!((&result["size"], &result["offset"]), (&json!(all.len()), &json!(read.len())));
        let data: darkslide_protocol::bytes_text::BytesText =
            serde_json::from_value(result["data"].clone()).unwrap();
        read.extend(data.into_bytes());
        parts += 1;
        if result["end"] == true {
            break;
        }
    }
    assert!(read == all && parts == 3);
    assert_eq!(part(1, 3)["result"]["data"], "AQID");
    for beyond in [all.len() as u64, all.len() as u64 + 1, u64::MAX] {
        let answer = part(beyond, 1);
        let told = (&answer["result"]["data"], &answer["result"]["end"]);
        assert_eq!(told, (&json!(""), &json!(true)), "{beyond}");
    }
    for length in [0, MOST + 1, u64::MAX] {
        assert_eq!(named(&part(0, length)), "INVALID_PARAMS/invalid-params", "{length}");
    }
}
