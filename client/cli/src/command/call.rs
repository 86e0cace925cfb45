//! `call`: any method with any params, so that the protocol can be learned by looking; `--trace`
//! shows each frame's bytes.
//!
//! Params go out as they were typed, and a result is printed as it came, laid out for a person and
//! on one line for a program.

use std::io::Write;
use std::sync::Arc;

use darkslide_client::{Tap, Way as Direction};
use serde_json::value::RawValue;

use crate::args::CallArgs;
use crate::exit::Exit;
use crate::output::{Output, plain};
use crate::report::Failure;
use crate::session::{self, Way};

/// Bytes on a line of a trace.
const TRACE_WIDTH: usize = 16;

/// Runs it.
pub(crate) async fn run(way: Way, args: CallArgs, output: &mut Output) -> Result<Exit, Failure> {
    let params = RawValue::from_string(args.params).map_err(|error| {
        Failure::usage(
            format!("the params are no JSON: {error}"),
            "write an object, such as '{\"library\": \"main\"}'",
        )
    })?;
    let tap = args.trace.then(tap);
    session::with(way, tap, output, async |session, output| {
        let result = session.client.call_raw(&args.method, &params).await?;
        output.answer(&result, |result, _style| plain::json(&laid_out(result)).into_owned())?;
        Ok(Exit::Done)
    })
    .await
}

/// The document with line ends and indentation, its numbers and the order of its members untouched.
fn laid_out(document: &RawValue) -> String {
    let mut text = String::new();
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let mut characters = document.get().chars().peekable();
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    while let Some(character) = characters.next() {
        if in_string {
            text.push(character);
            in_string = is_escaped || character != '"';
            is_escaped = character == '\\' && !is_escaped;
            continue;
        }
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                text.push(character);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            other => {
                in_string = other == '"';
                text.push(other);
            }
        }
    }
    text
}

fn tap() -> Tap {
    Arc::new(|way, bytes| {
        let arrow = match way {
            Direction::Sent => "->",
            Direction::Received => "<-",
        };
        // Who has closed stderr does not want to see it.
        drop(std::io::stderr().lock().write_all(traced(arrow, bytes).as_bytes()));
    })
}

/// A frame's bytes: where, in hexadecimal, and as text where they are text.
fn traced(arrow: &str, bytes: &[u8]) -> String {
    let mut text = format!("{arrow} {} bytes\n", bytes.len());
    for (index, chunk) in bytes.chunks(TRACE_WIDTH).enumerate() {
        let hexadecimal: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = chunk.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        });
        let (at, width) = (index * TRACE_WIDTH, TRACE_WIDTH * 3 - 1);
        let line = format!(
            "{arrow} {at:06x}  {:<width$}  {}\n",
            hexadecimal.join(" "),
            shown.collect::<String>()
        );
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_shows_length_bytes_and_text() {
        insta::assert_snapshot!(traced("->", b"\0\0\0\x12{\"jsonrpc\":\"2.\x1b[2"), @r#"
        -> 21 bytes
        -> 000000  00 00 00 12 7b 22 6a 73 6f 6e 72 70 63 22 3a 22  ....{"jsonrpc":"
        -> 000010  32 2e 1b 5b 32                                   2..[2
        "#);
    }

    #[test]
    fn a_result_is_laid_out_and_otherwise_left_alone() {
        let text = r#"{"b":1.50,"a":[ ],"s":"a{,:\"]\\","n":[1,{"x":null}],"e":{}}"#;
        let document = RawValue::from_string(text.to_owned()).unwrap();
        let laid = laid_out(&document);
        insta::assert_snapshot!(laid, @r#"
        {
          "b": 1.50,
          "a": [],
          "s": "a{,:\"]\\",
          "n": [
            1,
            {
              "x": null
            }
          ],
          "e": {}
        }
        "#);
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(&laid), same(text));
    }
}
