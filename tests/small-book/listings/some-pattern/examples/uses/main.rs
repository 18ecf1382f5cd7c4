mod a_topic;
