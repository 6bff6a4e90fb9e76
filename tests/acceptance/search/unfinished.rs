//! Searches whose last word may be unfinished, because no message fits them as they are written.

use acceptance::{json, on_both};

use super::{search, texts, word};

on_both!(an_unfinished_word_finds_longer_ones_unless_a_message_has_the_word_itself, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let word = word("zwiebel");
    let (plural, compound) = (format!("Two {word}s, please"), format!("The {word}rail & more"));
    hotel.send_message(&staff, &stay, &plural).await;
    hotel.send_message(&staff, &stay, &compound).await;
    for q in [word.clone(), word.to_uppercase(), format!("{word}!"), word.replace('e', "é")] {
        assert_eq!(texts(&staff, &q, "").await, [compound.as_str(), &plural], "{q}");
    }
    let found = search(&staff, &word, "").await;
    assert_eq!(found["count"], 2);
    assert_eq!(found["results"][0]["excerpt"], format!("The <mark>{word}rail</mark> &amp; more"));
    assert_eq!(texts(&staff, &format!("please {word}"), "").await, [plural.as_str()]);
    assert_eq!(texts(&staff, &word[..3], &format!("&conversation_id={}", stay.conversation)).await.len(), 2);
    for q in
        [format!("\"{word}\""), format!("\"{word}"), format!("{word} please"), format!("{word} 👍"), word[1..].into()]
    {
        assert_eq!(texts(&staff, &q, "").await, Vec::<String>::new(), "{q}");
    }
    hotel.send_message(&staff, &stay, &word).await;
    for q in [word.clone(), format!("\"{word}\"")] {
        assert_eq!(texts(&staff, &q, "").await, [word.as_str()], "{q}");
    }
    assert_eq!(texts(&staff, &format!("{word} tw"), "").await, Vec::<String>::new());
    assert_eq!(texts(&staff, &format!("two {word}"), "").await, [plural.as_str()]);
});

on_both!(a_word_in_messages_out_of_sight_does_not_change_what_is_found, |hotel| {
    let (member, other, manager) = (hotel.of(0).await, hotel.of(1).await, hotel.manager().await);
    let (relay, unrouted) = (hotel.assigned(0).await, hotel.active(0));
    let word = word("towel");
    let plural = format!("{word}s");
    hotel.send_guest_message(&unrouted.phone, &plural).await;
    manager.post(unrouted.path("notes/"), json!({ "text": word })).await.is(201);
    let before = search(&other, &word, "").await;
    for staff in [&member, &other, &manager] {
        assert_eq!(texts(staff, &word, "").await, [plural.as_str()]);
    }
    hotel.send_message(&member, &relay, &word).await;
    for (staff, found) in [(&other, &plural), (&member, &word), (&manager, &word)] {
        assert_eq!(texts(staff, &word, "").await, [found.as_str()]);
    }
    assert_eq!(search(&other, &word, "").await, before);
    let elsewhere = hotel.world.hotel().manager().await;
    assert_eq!(texts(&elsewhere, &word, "").await, Vec::<String>::new());
});

on_both!(filters_count_before_a_word_is_taken_as_unfinished, |hotel| {
    let (staff, one, other) = (hotel.of(0).await, hotel.assigned(0).await, hotel.active(0));
    let word = word("towel");
    let plural = format!("{word}s");
    hotel.send_message(&staff, &one, &word).await;
    hotel.send_guest_message(&one.phone, &plural).await;
    hotel.send_guest_message(&other.phone, &plural).await;
    for (filter, found) in [
        ("".into(), vec![&word]),
        ("&sender_type=staff".into(), vec![&word]),
        ("&sender_type=guest".into(), vec![&plural, &plural]),
        (format!("&conversation_id={}", one.conversation), vec![&word]),
        (format!("&conversation_id={}", other.conversation), vec![&plural]),
        (format!("&room={}", other.room), vec![&plural]),
        ("&sender_type=system".into(), vec![]),
        ("&to=2020-01-01".into(), vec![]),
    ] {
        let found: Vec<&str> = found.into_iter().map(String::as_str).collect();
        assert_eq!(texts(&staff, &word, &filter).await, found, "{filter}");
    }
});

on_both!(all_pages_contain_what_an_unfinished_word_finds, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
    let word = word("paged");
    let mut expected = Vec::new();
    for number in 0..5 {
        let text = format!("{word}y{number}");
        hotel.send_message(&staff, &stay, &text).await;
        expected.insert(0, text);
    }
    let mut seen = Vec::new();
    for page in 1..=3 {
        let found = search(&staff, &word, &format!("&page_size=2&page={page}")).await;
        assert_eq!(found["count"], 5, "{page}");
        let hits = found["results"].as_array().unwrap();
        for hit in hits {
            let text = hit["message"]["content"].as_str().unwrap().to_owned();
            assert_eq!(hit["excerpt"], format!("<mark>{text}</mark>"), "{page}");
            seen.push(text);
        }
    }
    assert_eq!(seen, expected);
    staff.get(format!("search/?q={word}&page_size=2&page=4")).await.problem(404, "not_found");
});

on_both!(a_number_of_a_guest_is_not_taken_as_unfinished, |hotel| {
    let manager = hotel.manager().await;
    let phone = hotel.unused_phone();
    let longer = format!("Order {}99", &phone[1..]);
    hotel.send_guest_message(&hotel.unused_phone(), &longer).await;
    assert_eq!(texts(&manager, &phone[1..], "").await, [longer.as_str()]);
    let of_guest = word("hola");
    hotel.send_guest_message(&phone, &of_guest).await;
    assert_eq!(texts(&manager, &phone[1..], "").await, [of_guest.as_str()]);
});
