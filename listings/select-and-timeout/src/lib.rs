//! Pattern 4, Select and Timeout: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as select_and_timeout;

pub mod select_or_not;

pub mod cancel_safety;

pub mod first_of_two;

pub mod until_both_end;

pub mod timer_in_a_loop;

pub mod who_goes_first;

pub mod without_waiting;

pub mod what_a_limit_costs;

pub mod cancel_a_request;

pub mod client_hangs_up;

pub mod server_that_stops;

pub mod http_server_that_stops;

pub mod signals;

pub mod after_a_limit;

pub mod retry_within_a_limit;

pub mod deadline;

pub mod deadline_across_servers;

pub mod expired_work;

pub mod one_limit_for_many;

pub mod limiter_that_says_no;

pub mod is_it_well;

pub mod is_it_alive;

pub mod silent_connection;
pub mod stop_in_time;

pub mod cancel_a_computation;

pub mod chat;
