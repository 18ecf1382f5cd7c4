//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod index;
mod index_buffered;
mod index_collect;
mod index_filter;
mod index_lines;
mod index_map;
mod index_take;
mod stream_sources;
mod stream_sources_feed;
mod stream_sources_gather;
mod stream_sources_list;
mod stream_sources_pages;
mod stream_sources_prefetch;
mod stream_sources_right;
mod stream_sources_small;
mod stream_sources_unfold;
mod ticks;

backend::uses!(
    index,
    index_buffered,
    index_collect,
    index_filter,
    index_lines,
    index_map,
    index_take,
    stream_sources,
    stream_sources_feed,
    stream_sources_gather,
    stream_sources_list,
    stream_sources_pages,
    stream_sources_prefetch,
    stream_sources_right,
    stream_sources_small,
    stream_sources_unfold,
    ticks,
);
