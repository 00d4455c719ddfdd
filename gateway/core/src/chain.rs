//! The filters of a route, in order. The one place where typed filters become `dyn`.

use std::any::Any;
use std::sync::Arc;

use http::HeaderMap;
use prometheus::IntCounter;

use crate::BoxFuture;
use crate::call::{Call, End, ResponseHead};
use crate::filter::{Filter, Preflight};
use crate::message::Message;
use crate::metrics::FilterMetrics;
use crate::session::SessionRequest;
use crate::status::{Code, Status};

type State = Box<dyn Any + Send>;

/// A [`Filter`] whose types are erased. Only this file implements it.
pub trait Link: Send + Sync {
    #[doc(hidden)]
    fn name(&self) -> &'static str;
    #[doc(hidden)]
    fn sees_messages(&self) -> bool;
    #[doc(hidden)]
    fn state(&self) -> State;
    #[doc(hidden)]
    fn request<'a>(&'a self, call: &'a mut Call, state: &'a mut State) -> BoxFuture<'a, Result<(), Status>>;
    #[doc(hidden)]
    fn request_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        state: &mut State,
    ) -> Result<(), Status>;
    #[doc(hidden)]
    fn response(&self, head: &mut ResponseHead, call: &mut Call, state: &mut State) -> Result<(), Status>;
    #[doc(hidden)]
    fn response_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        state: &mut State,
    ) -> Result<(), Status>;
    #[doc(hidden)]
    fn end(&self, end: &mut End, call: &Call, state: &mut State);
    #[doc(hidden)]
    fn session<'a>(
        &'a self,
        request: &'a mut SessionRequest,
        state: &'a mut State,
    ) -> BoxFuture<'a, Result<(), Status>>;
    #[doc(hidden)]
    fn preflight(&self, preflight: &Preflight<'_>) -> Option<HeaderMap>;
}

/// A filter with its types erased.
pub(crate) struct Erased<F>(pub(crate) F);

impl<F: Filter> Erased<F> {
    /// The state of this filter for one call. Boxing a `()` does not allocate, so stateless filters are free.
    fn typed(state: &mut State) -> &mut F::State {
        // `Chain` hands each link the state that the link itself made.
        #[allow(clippy::expect_used)]
        state.downcast_mut().expect("a filter is given its own state")
    }
}

impl<F: Filter> Link for Erased<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }
    fn sees_messages(&self) -> bool {
        F::SEES_MESSAGES
    }
    fn state(&self) -> State {
        Box::new(F::State::default())
    }
    fn request<'a>(&'a self, call: &'a mut Call, state: &'a mut State) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(self.0.request(call, Self::typed(state)))
    }
    fn request_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        state: &mut State,
    ) -> Result<(), Status> {
        self.0.request_message(message, call, Self::typed(state))
    }
    fn response(&self, head: &mut ResponseHead, call: &mut Call, state: &mut State) -> Result<(), Status> {
        self.0.response(head, call, Self::typed(state))
    }
    fn response_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        state: &mut State,
    ) -> Result<(), Status> {
        self.0.response_message(message, call, Self::typed(state))
    }
    fn end(&self, end: &mut End, call: &Call, state: &mut State) {
        self.0.end(end, call, Self::typed(state));
    }
    fn session<'a>(
        &'a self,
        request: &'a mut SessionRequest,
        state: &'a mut State,
    ) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(self.0.session(request, Self::typed(state)))
    }
    fn preflight(&self, preflight: &Preflight<'_>) -> Option<HeaderMap> {
        self.0.preflight(preflight)
    }
}

/// The filters that every call of a route passes through.
pub struct Chain {
    steps: Box<[Step]>,
    sees_messages: bool,
}

struct Step {
    link: Arc<dyn Link>,
    /// Calls and sessions that this filter ended, by code.
    refusals: Box<[IntCounter]>,
}

impl Step {
    fn counted(&self, result: Result<(), Status>) -> Result<(), Status> {
        if let Err(status) = &result
            && let Some(counter) = self.refusals.get(usize::from(status.code.number()))
        {
            counter.inc();
        }
        result
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| step.link.name())).finish()
    }
}

/// What the filters of a chain remember about one call or session.
pub struct Passage {
    /// One state for each filter whose `request` or `session` was entered; the others see nothing of the call.
    states: Vec<State>,
}

impl Chain {
    /// A chain of these filters for a route.
    pub fn new(route: &str, links: Vec<Arc<dyn Link>>, metrics: &FilterMetrics) -> Chain {
        let sees_messages = links.iter().any(|link| link.sees_messages());
        let steps = links
            .into_iter()
            .map(|link| Step {
                refusals: Code::ALL
                    .iter()
                    .map(|code| metrics.refusals(route, link.name(), code.as_str()))
                    .collect(),
                link,
            })
            .collect();
        Chain { steps, sees_messages }
    }

    /// Whether any filter looks at messages. If not, nothing needs to be deframed.
    pub fn sees_messages(&self) -> bool {
        self.sees_messages
    }

    /// Whether no filter stands in the chain.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of the filters, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().map(|step| step.link.name())
    }

    /// Prepares for one call or session.
    pub fn begin(&self) -> Passage {
        Passage { states: Vec::with_capacity(self.steps.len()) }
    }

    /// Takes the request through the filters, in order, until one refuses it.
    pub async fn request(&self, call: &mut Call, passage: &mut Passage) -> Result<(), Status> {
        for step in &self.steps {
            passage.states.push(step.link.state());
            // Pushed on the line above.
            let Some(state) = passage.states.last_mut() else { continue };
            step.counted(step.link.request(call, state).await)?;
        }
        Ok(())
    }

    /// Takes the request for a session through the filters, in order, until one refuses it. The passage is kept as long as
    /// the session.
    pub async fn session(&self, request: &mut SessionRequest, passage: &mut Passage) -> Result<(), Status> {
        for step in &self.steps {
            passage.states.push(step.link.state());
            // Pushed on the line above.
            let Some(state) = passage.states.last_mut() else { continue };
            step.counted(step.link.session(request, state).await)?;
        }
        Ok(())
    }

    /// Takes a message from the client through the filters.
    pub fn request_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        passage: &mut Passage,
    ) -> Result<(), Status> {
        for (step, state) in self.steps.iter().zip(&mut passage.states) {
            step.counted(step.link.request_message(message, call, state))?;
        }
        Ok(())
    }

    /// Takes the head of a response back through the filters that the request had entered.
    pub fn response(
        &self,
        head: &mut ResponseHead,
        call: &mut Call,
        passage: &mut Passage,
    ) -> Result<(), Status> {
        for (step, state) in self.steps.iter().zip(&mut passage.states).rev() {
            step.counted(step.link.response(head, call, state))?;
        }
        Ok(())
    }

    /// Takes the head of the gateway's own refusal back through the filters that the request had entered. A filter that
    /// objects to it changes nothing: the call is being refused already, and the others still add what they have to.
    pub fn refusal(&self, head: &mut ResponseHead, call: &mut Call, passage: &mut Passage) {
        for (step, state) in self.steps.iter().zip(&mut passage.states).rev() {
            let _ = step.link.response(head, call, state);
        }
    }

    /// Takes a message from the upstream back through the filters.
    pub fn response_message(
        &self,
        message: &mut Message,
        call: &mut Call,
        passage: &mut Passage,
    ) -> Result<(), Status> {
        for (step, state) in self.steps.iter().zip(&mut passage.states).rev() {
            step.counted(step.link.response_message(message, call, state))?;
        }
        Ok(())
    }

    /// Tells the filters that the call is over. It takes the passage, so it can run only once.
    pub fn end(&self, end: &mut End, call: &Call, mut passage: Passage) {
        for (step, state) in self.steps.iter().zip(&mut passage.states).rev() {
            step.link.end(end, call, state);
        }
    }

    /// Answers a CORS preflight, if a filter of this route does.
    pub fn preflight(&self, preflight: &Preflight<'_>) -> Option<HeaderMap> {
        self.steps.iter().find_map(|step| step.link.preflight(preflight))
    }
}

#[cfg(test)]
mod tests;
