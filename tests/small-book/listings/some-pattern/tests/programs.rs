backend::check_uses!(a_topic);
