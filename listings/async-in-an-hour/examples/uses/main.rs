//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod whichever_comes_first;
mod whichever_comes_first_loop;

backend::uses!(whichever_comes_first, whichever_comes_first_loop,);
