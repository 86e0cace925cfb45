//! What the media analysis found in a photo: results of one asset, each under the key of its kind.
//!
//! A result is a binary list of dictionaries that do not say what they are; their keys do. Each is
//! turned into the text of the record at once, so an asset's results are bounded by that text and
//! not by the blobs. Knows no database; who calls brings the blobs in their order, for a later
//! result of a kind replaces an earlier one.

use std::collections::BTreeMap;

use crate::json::{Array, Object};
use crate::plist::{self, Value};

/// The most bytes of one asset's results, as JSON. Real ones have at most some 20,000.
const MAX_RESULTS_BYTES: usize = 512 * 1024;

/// What a key among the attributes makes of a result; the first that is there.
const BY_ATTRIBUTE: [(&str, &str); 9] = [
    ("faceBounds", "faces"),
    ("humanBounds", "humans"),
    (IMAGE.text, IMAGE.key),
    (VIDEO.text, VIDEO.key),
    ("sharpness", "sharpness"),
    ("junk", "junk"),
    ("featureVector", "feature_vector"),
    ("shotType", "shot_type"),
    ("sceneprintDistance", "scene_segments"),
];
/// Attributes that are a rectangle in text.
const BOUNDS: [&str; 2] = ["faceBounds", "humanBounds"];

struct Caption {
    key: &'static str,
    text: &'static str,
    confidence: &'static str,
}

const IMAGE: Caption = Caption {
    key: "image_caption",
    text: "imageCaptionText",
    confidence: "imageCaptionConfidence",
};
const VIDEO: Caption = Caption {
    key: "video_caption",
    text: "videoCaptionText",
    confidence: "videoCaptionConfidence",
};

/// The results of one asset.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// The JSON of each kind, and its best caption.
    by_key: BTreeMap<&'static str, (Vec<u8>, String)>,
    /// Of captions from tables of their own.
    surest: BTreeMap<&'static str, f64>,
}

impl Results {
    /// Adds the blob of one row; one that cannot be read, or that would be too much, changes
    /// nothing.
    pub(crate) fn push(&mut self, blob: &[u8]) {
        let Some(Value::Array(found)) = plist::read(blob) else { return };
        let found: Vec<_> = found.iter().filter(|it| matches!(it, Value::Map(_))).collect();
        let Some(first) = found.first() else { return };
        let key = key_of(first);
        let mut json = Vec::new();
        match found.as_slice() {
            [one] => write_result(&mut json, one),
            several => {
                let mut list = Array::begin(&mut json);
                for result in several {
                    write_result(list.next(), result);
                }
                list.end();
            }
        }
        let caption = match [IMAGE, VIDEO].into_iter().find(|caption| caption.key == key) {
            Some(caption) => best(&found, &caption).unwrap_or_default(),
            None => "",
        };
        self.put(key, json, caption);
    }

    /// Adds a caption that stands in a table of its own, as those of macOS 27: of a picture or of a
    /// video; of several the surest counts.
    pub(crate) fn push_caption(&mut self, is_video: bool, text: &str, confidence: Option<f64>) {
        let kind = if is_video { VIDEO } else { IMAGE };
        let sure = confidence.unwrap_or(0.0);
        if self.surest.get(kind.key).is_some_and(|surest| *surest >= sure) {
            return;
        }
        self.surest.insert(kind.key, sure);
        let mut json = Vec::new();
        let mut object = Object::begin(&mut json);
        object.real(kind.confidence, confidence);
        object.text(kind.text, Some(text));
        object.end();
        self.put(kind.key, json, text);
    }

    /// How much is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.by_key.values().map(|(json, caption)| json.len() + caption.len()).sum()
    }

    /// Writes a member for each kind of result.
    pub(crate) fn write_keys(&self, object: &mut Object<'_>) {
        for (key, (json, _)) in &self.by_key {
            object.key(key).extend_from_slice(json);
        }
    }

    /// What the picture shows in words, else the video; empty if neither was captioned.
    pub(crate) fn caption(&self) -> &str {
        let captions = [IMAGE, VIDEO].into_iter().filter_map(|it| self.by_key.get(it.key));
        captions.map(|(_, caption)| caption.as_str()).find(|it| !it.is_empty()).unwrap_or_default()
    }

    fn put(&mut self, key: &'static str, json: Vec<u8>, caption: &str) {
        let replaced = self.by_key.get(key).map_or(0, |(json, caption)| json.len() + caption.len());
        let others = self.bytes() - replaced;
        if others + json.len() + caption.len() <= MAX_RESULTS_BYTES {
            self.by_key.insert(key, (json, caption.to_owned()));
        }
    }
}

fn key_of(result: &Value<'_>) -> &'static str {
    let has = |key: &str| result.get(key).is_some();
    let attributes = result.get("attributes");
    let by_attribute = attributes
        .and_then(|it| BY_ATTRIBUTE.iter().find(|(attribute, _)| it.get(attribute).is_some()));
    match by_attribute {
        Some((_, key)) => key,
        None if has("quality") && !has("start") => "quality",
        None if has("start") && has("duration") => {
            if has("quality") {
                "quality_segments"
            } else if has("flags") {
                "flag_segments"
            } else {
                "segments"
            }
        }
        None => "unknown",
    }
}

/// Writes the attributes, and the flags beside them; all of a result that has no attributes.
fn write_result(out: &mut Vec<u8>, result: &Value<'_>) {
    let attributes = result.get("attributes").filter(|it| matches!(it, Value::Map(_)));
    let Some(Value::Map(entries)) = attributes else { return result.write_json(out) };
    out.push(b'{');
    let inside = entries.iter().map(|(key, value)| (key.as_ref(), value));
    let flags = result.get("flags").filter(|_| entries.iter().all(|(key, _)| key != "flags"));
    for (at, (key, value)) in inside.chain(flags.map(|it| ("flags", it))).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        crate::json::text(out, key);
        out.push(b':');
        match bounds(value).filter(|_| BOUNDS.contains(&key)) {
            Some(bounds) => bounds.write_json(out),
            None => value.write_json(out),
        }
    }
    out.push(b'}');
}

/// `{{x, y}, {width, height}}` as two pairs of numbers.
fn bounds(value: &Value<'_>) -> Option<Value<'static>> {
    let inside = value.text()?.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let (origin, size) = inside.split_once('}')?;
    let size = size.trim().strip_prefix(',')?.trim_start().strip_prefix('{')?;
    let pair = |text: &str| {
        let (first, second) = text.split_once(',')?;
        let number = |text: &str| text.trim().parse().ok().map(Value::Real);
        Some(Value::Array(vec![number(first)?, number(second)?]))
    };
    Some(Value::Array(vec![pair(origin)?, pair(size)?]))
}

/// The text of the result that is surest of it; of equally sure ones the first.
fn best<'v>(found: &[&'v Value<'_>], caption: &Caption) -> Option<&'v str> {
    let mut best: Option<(f64, &str)> = None;
    for attributes in found.iter().filter_map(|it| it.get("attributes")) {
        let Some(text) = attributes.get(caption.text).and_then(Value::text) else { continue };
        let confidence = attributes.get(caption.confidence).and_then(Value::real).unwrap_or(0.0);
        if best.is_none_or(|(surest, _)| confidence > surest) {
            best = Some((confidence, text));
        }
    }
    best.map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::plist::sample::{binary, map, text};

    fn with<'a>(attributes: &[(&'a str, Value<'a>)]) -> Value<'a> {
        map([("attributes", map(attributes.to_vec())), ("flags", Value::Integer(6))])
    }

    fn of(results: &[Vec<Value<'_>>]) -> Results {
        let mut all = Results::default();
        for result in results {
            all.push(&binary(&Value::Array(result.clone())));
        }
        all
    }

    fn written(results: &Results) -> serde_json::Value {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        results.write_keys(&mut object);
        object.end();
        serde_json::from_slice(&out).unwrap()
    }

    #[track_caller]
    fn check(result: Value<'_>, key: &str) {
        let written = written(&of(&[vec![result]]));
        assert_eq!(written.as_object().unwrap().keys().collect::<Vec<_>>(), [key]);
    }

    #[test]
    fn a_result_is_known_by_its_keys() {
        let one = || Value::Integer(1);
        for (attribute, key) in BY_ATTRIBUTE {
            check(with(&[(attribute, one())]), key);
        }
        check(with(&[("faceBounds", one()), ("sharpness", one())]), "faces");
        check(with(&[("other", one())]), "unknown");
        check(map([("quality", one())]), "quality");
        check(map([("duration", one()), ("quality", one()), ("start", one())]), "quality_segments");
        check(map([("duration", one()), ("flags", one()), ("start", one())]), "flag_segments");
        check(map([("duration", one()), ("start", one())]), "segments");
        check(map([("quality", one()), ("start", one())]), "unknown");
        check(map([]), "unknown");
    }

    #[test]
    fn bounds_are_numbers_and_other_texts_stay() {
        let face = with(&[
            ("faceBounds", text("{{0.5, 0}, {1e-2,0.25}}")),
            ("featureVector", Value::Data(vec![1].into())),
            ("saliencyBounds", text("{{0, 0}, {1, 1}}")),
        ]);
        let odd = |odd| vec![with(&[("humanBounds", text(odd))]); 2];
        let results = of(&[vec![face], odd("{{1, 2}, {3}}")]);
        assert_eq!(
            written(&results),
            json!({
                "faces": {
                    "faceBounds": [[0.5, 0.0], [0.01, 0.25]], "featureVector": null, "flags": 6,
                    "saliencyBounds": "{{0, 0}, {1, 1}}",
                },
                "humans": [{"humanBounds": "{{1, 2}, {3}}", "flags": 6},
                           {"humanBounds": "{{1, 2}, {3}}", "flags": 6}],
            })
        );
    }

    #[test]
    fn flags_among_the_attributes_are_told_once() {
        let results =
            of(&[vec![with(&[("flags", Value::Integer(1)), ("junk", Value::Integer(2))])]]);
        assert_eq!(written(&results), json!({"junk": {"flags": 1, "junk": 2}}));
    }

    #[test]
    fn a_later_result_of_a_kind_replaces_an_earlier_one() {
        let junk = |value| vec![with(&[("junk", Value::Integer(value))])];
        let results = of(&[junk(1), junk(2), Vec::new()]);
        assert_eq!(written(&results), json!({"junk": {"junk": 2, "flags": 6}}));
    }

    #[test]
    fn the_caption_is_that_of_the_picture_and_the_surest() {
        let caption = |kind: &Caption, said, sure| {
            with(&[(kind.confidence, Value::Real(sure)), (kind.text, text(said))])
        };
        let video = vec![caption(&VIDEO, "a film", 0.2)];
        let image = vec![
            caption(&IMAGE, "a dog", 0.5),
            caption(&IMAGE, "a cat", 0.9),
            caption(&IMAGE, "a cow", 0.9),
        ];
        assert_eq!(of(&[]).caption(), "");
        assert_eq!(of(std::slice::from_ref(&video)).caption(), "a film");
        assert_eq!(of(&[image, video.clone()]).caption(), "a cat");
        assert_eq!(of(&[vec![caption(&IMAGE, "", 1.0)], video]).caption(), "a film");
    }

    #[test]
    fn of_captions_with_a_table_of_their_own_the_surest_replaces_a_result() {
        let mut results = of(&[vec![with(&[(VIDEO.text, text("a film"))])]]);
        results.push_caption(true, "a bridge", None);
        results.push_caption(true, "a part of it", None);
        assert_eq!(results.caption(), "a bridge");
        results.push_caption(false, "a bridge", Some(0.5));
        results.push_caption(false, "a red bridge", Some(0.75));
        results.push_caption(false, "red", Some(0.7));
        assert_eq!(results.caption(), "a red bridge");
        assert_eq!(
            written(&results),
            json!({
                "image_caption": {
                    "imageCaptionText": "a red bridge", "imageCaptionConfidence": 0.75,
                },
                "video_caption": {"videoCaptionText": "a bridge", "videoCaptionConfidence": null},
            })
        );
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let mut results = of(&[vec![with(&[("junk", Value::Integer(1))])]]);
        let before = written(&results);
        let list = binary(&map([("junk", Value::Integer(2))]));
        let flat = binary(&Value::Array(vec![Value::Integer(1)]));
        for bad in [&b""[..], b"bplist00", &[0xff; 64], &list, &flat] {
            results.push(bad);
        }
        assert_eq!(written(&results), before);
    }

    #[test]
    fn all_results_of_an_asset_have_one_limit() {
        let frame = r#"{"junk":""}"#.len();
        let long = |key, bytes: usize| {
            vec![map([("attributes", map([(key, text("x".repeat(bytes).leak()))]))])]
        };
        let exact = long("junk", MAX_RESULTS_BYTES - frame);
        assert_eq!(of(std::slice::from_ref(&exact)).by_key.len(), 1);
        // One byte more, and a second result beside it, are left out; another of its kind is not.
        assert_eq!(of(&[long("junk", MAX_RESULTS_BYTES - frame + 1)]).by_key.len(), 0);
        assert_eq!(of(&[exact.clone(), long("sharpness", 1), exact]).by_key.len(), 1);
        assert_eq!(of(&[long("junk", plist::MAX_BYTES)]).by_key.len(), 0);
    }
}
