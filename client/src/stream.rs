//! Pages and events as streams: item by item, for programs that use `Stream` and its adapters.
//!
//! A stream owns what it walks and asks for nothing ahead of being polled. After an error it is
//! over; who wants the same page again keeps the pages themselves (`next_page`). Nothing here talks
//! to the daemon; it only turns steps into items. The hazard: a future that borrows what the stream
//! holds, so each step takes the state and gives it back.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use darkslide_protocol::event::Event;
use darkslide_protocol::message::asset::Asset;
use darkslide_protocol::message::job::ReportRow;
use darkslide_protocol::message::plan::PlanRow;
use futures_core::Stream;

use crate::error::Error;
use crate::events::Subscription;
use crate::export::ExportHandle;
use crate::pages::{AssetPages, PlanPages, ReportPages};

/// What a step ends with: the state, and the next items; none after the last.
type Stepped<S, T> = (S, Result<Option<Vec<T>>, Error>);
type Step<'a, S, T> = Pin<Box<dyn Future<Output = Stepped<S, T>> + Send + 'a>>;

/// Items that steps bring, several at once.
struct Items<'a, S, T> {
    step: fn(S) -> Step<'a, S, T>,
    at: At<'a, S, T>,
    ready: std::vec::IntoIter<T>,
}

enum At<'a, S, T> {
    Rest(S),
    Asking(Step<'a, S, T>),
    Over,
}

fn items<'a, S, T>(state: S, step: fn(S) -> Step<'a, S, T>) -> Items<'a, S, T> {
    Items { step, at: At::Rest(state), ready: Vec::new().into_iter() }
}

impl<S: Unpin, T: Unpin> Stream for Items<'_, S, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.ready.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let mut step = match std::mem::replace(&mut this.at, At::Over) {
                At::Rest(state) => (this.step)(state),
                At::Asking(step) => step,
                At::Over => return Poll::Ready(None),
            };
            match step.as_mut().poll(context) {
                Poll::Pending => {
                    this.at = At::Asking(step);
                    return Poll::Pending;
                }
                Poll::Ready((state, Ok(Some(items)))) => {
                    this.ready = items.into_iter();
                    this.at = At::Rest(state);
                }
                Poll::Ready((_, Ok(None))) => return Poll::Ready(None),
                Poll::Ready((_, Err(error))) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl AssetPages {
    /// The assets one by one, over all pages.
    pub fn into_stream(self) -> impl Stream<Item = Result<Asset, Error>> + Send + Unpin {
        items(self, |mut pages| {
            Box::pin(async move {
                let page = pages.next_page().await;
                (pages, page)
            })
        })
    }
}

impl PlanPages {
    /// The rows one by one, over all pages; for the totals, ask for the first page by itself.
    pub fn into_stream(self) -> impl Stream<Item = Result<PlanRow, Error>> + Send + Unpin {
        items(self, |mut pages| {
            Box::pin(async move {
                let page = pages.next_page().await;
                (pages, page.map(|page| page.map(|page| page.rows)))
            })
        })
    }
}

impl ReportPages {
    /// The rows one by one, over all pages.
    pub fn into_stream(self) -> impl Stream<Item = Result<ReportRow, Error>> + Send + Unpin {
        items(self, |mut pages| {
            Box::pin(async move {
                let page = pages.next_page().await;
                (pages, page)
            })
        })
    }
}

impl Subscription {
    /// The events one by one; dropped, the subscription is given up.
    pub fn into_stream(self) -> impl Stream<Item = Result<Event, Error>> + Send + Unpin {
        items(self, |mut subscription| {
            Box::pin(async move {
                let event = subscription.next().await;
                (subscription, event.map(one))
            })
        })
    }
}

impl ExportHandle {
    /// What happens to the job, event by event, until it is over; dropped, the job runs on and the
    /// handle can be asked again.
    pub fn progress(&mut self) -> impl Stream<Item = Result<Event, Error>> + Send + Unpin + '_ {
        items(self, |handle| {
            Box::pin(async move {
                let event = handle.next().await;
                (handle, event.map(one))
            })
        })
    }
}

fn one<T>(item: Option<T>) -> Option<Vec<T>> {
    item.map(|item| vec![item])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use darkslide_protocol::error::{ErrorName, Reason, WireError};
    use darkslide_protocol::message::job::JobReportParams;
    use darkslide_protocol::value::Token;

    use super::*;
    use crate::fake::{Fake, FakeError};

    async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
        std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
    }

    fn page(from: u64, next: Option<u64>) -> String {
        let row = |n: u64| {
            format!(r#"{{"version":"original","outcome":"copied","path":"{}.jpg"}}"#, from + n)
        };
        let next = next.map_or(String::new(), |next| format!(r#","next":{next}"#));
        format!(r#"{{"rows":[{},{}]{next}}}"#, row(0), row(1))
    }

    fn report(client: &crate::Client) -> impl Stream<Item = Result<ReportRow, Error>> + Unpin {
        let job = Token::from_bits(7);
        client.report(JobReportParams { job, limit: 2, after: 0, undone: false }).into_stream()
    }

    #[tokio::test]
    async fn items_of_all_pages_come_one_by_one_and_in_order() {
        let (client, mut daemon) = Fake::pair().unwrap();
        let mut rows = report(&client);
        let play = async {
            for text in [page(0, Some(2)), page(2, None)] {
                let asked = daemon.request().await?;
                daemon.answer_text(&asked, &text).await?;
            }
            Ok::<(), FakeError>(())
        };
        let read = async {
            let mut paths = Vec::new();
            while let Some(row) = next(&mut rows).await {
                paths.push(row.unwrap().path.unwrap());
            }
            paths
        };
        let (paths, played) = tokio::join!(read, play);
        played.unwrap();
        assert_eq!(paths, ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]);
    }

    #[tokio::test]
    async fn an_error_is_told_once_and_ends_the_stream() {
        let (client, mut daemon) = Fake::pair().unwrap();
        let mut rows = report(&client);
        let play = async {
            let asked = daemon.request().await?;
            let busy = WireError::new(ErrorName::Busy, Reason::Busy, "busy", "try again");
            daemon.refuse(Some(&asked), &busy).await
        };
        let (item, played) = tokio::join!(next(&mut rows), play);
        played.unwrap();
        assert!(matches!(item, Some(Err(Error::Remote(_)))), "{item:?}");
        assert!(next(&mut rows).await.is_none());
    }

    #[tokio::test]
    async fn nothing_is_asked_before_the_stream_is_polled() {
        let (client, mut daemon) = Fake::pair().unwrap();
        drop(report(&client));
        drop(client);
        assert!(matches!(daemon.request().await, Err(FakeError::Closed)));
    }
}
