//! The tables, as created by `migrations/`.

diesel::table! {
    epochs (id) { id -> BigInt, epoch -> Text, began_at -> crate::sql::column_types::UtcTs, }
}
diesel::table! {
    origins (origin) { origin -> Text, made_at -> crate::sql::column_types::UtcTs, }
}
diesel::table! {
    hotels (id) {
        id -> BigInt,
        name -> Text,
        timezone -> Text,
        default_department_id -> Nullable<BigInt>,
        whatsapp_phone_number_id -> Nullable<Text>,
        flow -> Bool,
        country -> Nullable<Text>,
        created_at -> crate::sql::column_types::UtcTs,
        variables -> Text,
        whatsapp_business_account_id -> Nullable<Text>,
        quiet_hours -> Nullable<Text>,
    }
}
diesel::table! {
    hotel_counters (hotel_id) { hotel_id -> BigInt, seq -> BigInt, }
}
diesel::table! {
    departments (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        name -> Text,
        created_at -> crate::sql::column_types::UtcTs,
        active -> Bool,
        handles_stays -> Bool,
        first_response_minutes -> Nullable<BigInt>,
        opening_hours -> Nullable<Text>,
    }
}
diesel::table! {
    staff (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        username -> Text,
        name -> Text,
        role -> Text,
        password_hash -> Text,
        active -> Bool,
        created_at -> crate::sql::column_types::UtcTs,
        username_key -> Nullable<Text>,
        must_change_password -> Bool,
    }
}
diesel::table! {
    staff_settings (staff_id) { staff_id -> BigInt, settings -> Text, }
}
diesel::table! {
    staff_departments (staff_id, department_id) {
        hotel_id -> BigInt,
        staff_id -> BigInt,
        department_id -> BigInt,
        position -> Integer,
    }
}
diesel::table! {
    reach_losses (staff_id, department_id) {
        hotel_id -> BigInt,
        staff_id -> BigInt,
        department_id -> BigInt,
        done_id -> BigInt,
        last_id -> BigInt,
    }
}
diesel::table! {
    sessions (id) {
        id -> Text,
        hotel_id -> BigInt,
        staff_id -> BigInt,
        cookie_digest -> Text,
        generation -> BigInt,
        superseded_generation -> Nullable<BigInt>,
        superseded_at -> Nullable<crate::sql::column_types::UtcTs>,
        created_at -> crate::sql::column_types::UtcTs,
        last_used_at -> crate::sql::column_types::UtcTs,
        revoked_at -> Nullable<crate::sql::column_types::UtcTs>,
        remember -> Bool,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}
diesel::table! {
    sign_in_devices (digest, staff_id) {
        digest -> Text,
        hotel_id -> BigInt,
        staff_id -> BigInt,
        last_used_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    void_refresh_tokens (session_id, generation) { session_id -> Text, generation -> BigInt, }
}
diesel::table! {
    login_attempts (id) {
        id -> BigInt,
        name_digest -> Text,
        address -> Text,
        at -> crate::sql::column_types::UtcTs,
        device_digest -> Nullable<Text>,
    }
}
diesel::table! {
    guests (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        phone -> Nullable<Text>,
        wa_id -> Nullable<Text>,
        bsuid -> Nullable<Text>,
        profile_name -> Nullable<Text>,
        created_at -> crate::sql::column_types::UtcTs,
        window_phone_number_id -> Nullable<Text>,
        last_wrote_at -> Nullable<crate::sql::column_types::UtcTs>,
        asked_phone_number_id -> Nullable<Text>,
        note -> Nullable<Text>,
        language -> Nullable<Text>,
    }
}
diesel::table! {
    stays (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        guest_id -> Nullable<BigInt>,
        reservation_code -> Text,
        part -> Integer,
        guest_name -> Text,
        guest_phone -> Nullable<Text>,
        room_number -> Nullable<Text>,
        check_in -> Date,
        check_out -> Date,
        email -> Nullable<Text>,
        language -> Nullable<Text>,
        note -> Nullable<Text>,
        checked_in_at -> Nullable<crate::sql::column_types::UtcTs>,
        checked_out_at -> Nullable<crate::sql::column_types::UtcTs>,
        cancellation -> Nullable<Text>,
        created_at -> crate::sql::column_types::UtcTs,
        linked -> Bool,
        conversation_lender_id -> Nullable<BigInt>,
    }
}
diesel::table! {
    conversations (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        guest_id -> BigInt,
        stay_id -> Nullable<BigInt>,
        status -> Text,
        current_step -> Text,
        department_id -> Nullable<BigInt>,
        assigned_to -> Nullable<BigInt>,
        context_data -> crate::sql::column_types::JsonDoc,
        created_at -> crate::sql::column_types::UtcTs,
        updated_at -> crate::sql::column_types::UtcTs,
        last_message_id -> Nullable<BigInt>,
        last_guest_message_at -> Nullable<crate::sql::column_types::UtcTs>,
        guest_messages -> BigInt,
        search_key -> Text,
        waiting_since -> Nullable<crate::sql::column_types::UtcTs>,
        handled_guest_messages -> BigInt,
        unsent_failed -> BigInt,
        unsent_unknown -> BigInt,
        unsent_held -> BigInt,
        snoozed_until -> Nullable<crate::sql::column_types::UtcTs>,
        opened_at -> Nullable<crate::sql::column_types::UtcTs>,
        response_due_at -> Nullable<crate::sql::column_types::UtcTs>,
        overdue_alarm_at -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    messages (id) {
        id -> BigInt,
        conversation_id -> BigInt,
        content -> Text,
        sender_type -> Text,
        staff_sender -> Nullable<BigInt>,
        timestamp -> crate::sql::column_types::UtcTs,
        whatsapp_message_id -> Nullable<Text>,
        whatsapp_stable_id -> Nullable<Text>,
        delivery -> Nullable<Text>,
        failure -> Nullable<Text>,
        internal -> Bool,
        guest_ordinal -> BigInt,
        client_ref -> Nullable<Text>,
        request_digest -> Nullable<Text>,
        has_attachments -> Bool,
        failure_handled -> Bool,
        reply_to -> Nullable<BigInt>,
        has_quote -> Bool,
        hidden -> Bool,
        reacts_to -> Nullable<BigInt>,
        has_reactions -> Bool,
        send_at -> Nullable<crate::sql::column_types::UtcTs>,
        department_id -> Nullable<BigInt>,
    }
}
diesel::table! {
    message_templates (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        name -> Text,
        content -> Text,
        department_id -> Nullable<BigInt>,
        template_type -> Text,
        language -> Nullable<Text>,
        is_opener -> Bool,
        shortcut -> Nullable<Text>,
        parameter_format -> Text,
        available -> Bool,
    }
}
diesel::table! {
    read_marks (conversation_id, staff_id) {
        staff_id -> BigInt,
        conversation_id -> BigInt,
        message_id -> BigInt,
        guest_ordinal -> BigInt,
    }
}
diesel::table! {
    drafts (staff_id, conversation_id) {
        staff_id -> BigInt,
        conversation_id -> BigInt,
        text -> Text,
        reply_to -> Nullable<BigInt>,
        internal -> Bool,
        updated_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    events (hotel_id, seq) {
        hotel_id -> BigInt,
        seq -> BigInt,
        at -> crate::sql::column_types::UtcTs,
        kind -> Text,
        conversation_id -> Nullable<BigInt>,
        stay_id -> Nullable<BigInt>,
        message_id -> Nullable<BigInt>,
        staff_id -> Nullable<BigInt>,
        department_before -> Nullable<BigInt>,
        department_after -> Nullable<BigInt>,
        only_message -> Bool,
        delivery -> Nullable<Text>,
        failure -> Nullable<Text>,
        what -> Nullable<Text>,
        history_id -> Nullable<BigInt>,
        scheduled_id -> Nullable<BigInt>,
        waiting_since -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    scheduled_messages (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        conversation_id -> BigInt,
        guest_id -> BigInt,
        author_id -> BigInt,
        text -> Nullable<Text>,
        template_id -> Nullable<BigInt>,
        variables -> Nullable<crate::sql::column_types::JsonDoc>,
        reply_to -> Nullable<BigInt>,
        hold -> Bool,
        send_at -> crate::sql::column_types::UtcTs,
        if_guest_writes -> Text,
        status -> Text,
        review_reason -> Nullable<Text>,
        message_id -> Nullable<BigInt>,
        answered_guest_messages -> BigInt,
        created_at -> crate::sql::column_types::UtcTs,
        approved_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    overdue_alarms (conversation_id, department_id, waiting_since) {
        hotel_id -> BigInt,
        conversation_id -> BigInt,
        department_id -> BigInt,
        waiting_since -> crate::sql::column_types::UtcTs,
        raised_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    clock_refreshes (hotel_id) { hotel_id -> BigInt, run_at -> crate::sql::column_types::UtcTs, }
}
diesel::table! {
    conversation_history (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        conversation_id -> BigInt,
        at -> crate::sql::column_types::UtcTs,
        kind -> Text,
        staff_id -> Nullable<BigInt>,
        from_department_id -> Nullable<BigInt>,
        to_department_id -> Nullable<BigInt>,
        from_staff_id -> Nullable<BigInt>,
        to_staff_id -> Nullable<BigInt>,
        note -> Nullable<Text>,
    }
}
diesel::table! {
    labels (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        name -> Text,
        name_key -> Text,
        colour -> Text,
        created_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    conversation_labels (conversation_id, label_id) {
        hotel_id -> BigInt,
        conversation_id -> BigInt,
        label_id -> BigInt,
    }
}
diesel::table! {
    idempotency_keys (staff_id, path, key) {
        staff_id -> BigInt,
        path -> Text,
        key -> Text,
        request_digest -> Text,
        answer -> Nullable<Text>,
        created_at -> crate::sql::column_types::UtcTs,
        kept_forever -> Bool,
    }
}
diesel::table! {
    audit (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        at -> crate::sql::column_types::UtcTs,
        actor -> Nullable<BigInt>,
        action -> Text,
        conversation_id -> Nullable<BigInt>,
        staff_id -> Nullable<BigInt>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        api_key_id -> Nullable<BigInt>,
        address -> Nullable<Text>,
        actor_type -> Text,
    }
}
diesel::table! {
    api_keys (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        name -> Text,
        digest -> Text,
        created_at -> crate::sql::column_types::UtcTs,
        expires_at -> Nullable<crate::sql::column_types::UtcTs>,
        last_used_at -> Nullable<crate::sql::column_types::UtcTs>,
        revoked_at -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    import_failures (hotel_id) {
        hotel_id -> BigInt,
        failures -> BigInt,
        last_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    report_activity (hotel_id, quarter, conversation_id, department_id, staff_id) {
        hotel_id -> BigInt,
        quarter -> BigInt,
        conversation_id -> BigInt,
        department_id -> BigInt,
        staff_id -> BigInt,
        guest_messages -> BigInt,
        staff_messages -> BigInt,
    }
}
diesel::table! {
    report_answers (hotel_id, at, message_id) {
        hotel_id -> BigInt,
        at -> crate::sql::column_types::UtcTs,
        message_id -> BigInt,
        conversation_id -> BigInt,
        department_id -> BigInt,
        staff_id -> BigInt,
        asked_at -> Nullable<crate::sql::column_types::UtcTs>,
        asked_due_at -> Nullable<crate::sql::column_types::UtcTs>,
        answers_since -> Nullable<crate::sql::column_types::UtcTs>,
        due_at -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    report_missed (hotel_id, due_at, conversation_id) {
        hotel_id -> BigInt,
        due_at -> crate::sql::column_types::UtcTs,
        conversation_id -> BigInt,
        department_id -> BigInt,
        staff_id -> BigInt,
    }
}
diesel::table! {
    report_closings (hotel_id, at, conversation_id) {
        hotel_id -> BigInt,
        at -> crate::sql::column_types::UtcTs,
        conversation_id -> BigInt,
        department_id -> BigInt,
        staff_id -> BigInt,
        opened_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    report_backfill (below) { below -> BigInt, }
}
diesel::table! {
    nodes (id) { id -> BigInt, seen_at -> crate::sql::column_types::UtcTs, }
}
diesel::table! {
    socket_places (staff_id, node_id) { staff_id -> BigInt, node_id -> BigInt, sockets -> BigInt, }
}

diesel::joinable!(conversations -> guests (guest_id));
diesel::joinable!(conversations -> stays (stay_id));
diesel::joinable!(conversations -> hotels (hotel_id));
diesel::joinable!(conversations -> departments (department_id));
diesel::joinable!(conversations -> staff (assigned_to));
diesel::joinable!(sessions -> staff (staff_id));
diesel::table! {
    outbox (message_id) {
        message_id -> BigInt,
        hotel_id -> BigInt,
        conversation_id -> BigInt,
        callback -> Text,
        body -> Nullable<Text>,
        state -> Text,
        attempts -> Integer,
        due_at -> crate::sql::column_types::UtcTs,
        guest_id -> Nullable<BigInt>,
        media_id -> Nullable<Text>,
        media_number -> Nullable<Text>,
        media_uploaded_at -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    attachments (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        message_id -> BigInt,
        name -> Text,
        content_type -> Text,
        size -> BigInt,
        sha256 -> Nullable<Text>,
        state -> Text,
        media_id -> Nullable<Text>,
        attempts -> Integer,
        due_at -> crate::sql::column_types::UtcTs,
        width -> Nullable<Integer>,
        height -> Nullable<Integer>,
    }
}
diesel::table! {
    reactions (message_id, side) {
        message_id -> BigInt,
        side -> Text,
        emoji -> Nullable<Text>,
        staff_id -> Nullable<BigInt>,
        at -> crate::sql::column_types::UtcTs,
        carrier_id -> Nullable<BigInt>,
    }
}
diesel::table! {
    reaction_updates (whatsapp_message_id) {
        whatsapp_message_id -> Text,
        message_id -> BigInt,
        received_at -> crate::sql::column_types::UtcTs,
        raw -> Text,
    }
}
diesel::table! {
    former_tries (callback) {
        callback -> Text,
        message_id -> BigInt,
        whatsapp_message_id -> Nullable<Text>,
    }
}
diesel::table! {
    attachment_parts (attachment_id, number) {
        attachment_id -> BigInt,
        number -> Integer,
        bytes -> Binary,
    }
}
diesel::table! {
    channels (hotel_id) {
        hotel_id -> BigInt,
        holder -> Text,
        held_until -> crate::sql::column_types::UtcTs,
        stopped_code -> Nullable<BigInt>,
        stopped_token -> Nullable<Text>,
    }
}
diesel::table! {
    inbound (message_id) {
        message_id -> BigInt,
        raw -> Text,
    }
}
diesel::table! {
    search_index (id) { id -> BigInt, unindexed_below -> BigInt, }
}
diesel::table! {
    early_reports (id) {
        id -> BigInt,
        hotel_id -> BigInt,
        whatsapp_message_id -> Text,
        delivery -> Text,
        failure -> Nullable<Text>,
        received_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::table! {
    parked (id) {
        id -> BigInt,
        received_at -> crate::sql::column_types::UtcTs,
        reason -> Text,
        phone_number_id -> Nullable<Text>,
        hotel_id -> Nullable<BigInt>,
        raw -> Text,
        settled_at -> Nullable<crate::sql::column_types::UtcTs>,
        kind -> Text,
        attempts -> Integer,
        next_attempt_at -> Nullable<crate::sql::column_types::UtcTs>,
    }
}
diesel::table! {
    webhook_failures (update_key) {
        update_key -> Text,
        first_failed_at -> crate::sql::column_types::UtcTs,
    }
}
diesel::allow_tables_to_appear_in_same_query!(
    conversations,
    guests,
    stays,
    hotels,
    hotel_counters,
    departments,
    staff,
    staff_departments,
    messages,
    message_templates,
    read_marks,
    drafts,
    sessions,
    events,
    outbox,
    former_tries,
    attachments,
    inbound,
    conversation_labels,
    scheduled_messages,
);
diesel::allow_tables_to_appear_in_same_query!(epochs, hotel_counters);
diesel::allow_tables_to_appear_in_same_query!(epochs, sessions);
diesel::allow_tables_to_appear_in_same_query!(epochs, staff);
diesel::allow_tables_to_appear_in_same_query!(epochs, staff_departments);
