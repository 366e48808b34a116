"""The pipeline: one outcome per item, and memory only after Kafka's acknowledgement."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_ingest.accept import Acceptor, Status
from tocsin_ingest.away import KafkaAway
from tocsin_ingest.raw_article import RawArticle, Refused

pytestmark = pytest.mark.unit

Make = Callable[..., RawArticle]


def statuses(acceptor: Acceptor, *items: RawArticle | Refused) -> list[str]:
    return [outcome.status.value for outcome in acceptor.accept(list(items))]


def test_a_new_article_is_sent_with_all_its_fields(acceptor: Acceptor, publisher: Any, make_raw: Make) -> None:
    raw = make_raw(feed="valley", source_domain="valleycourier.example")
    (outcome,) = acceptor.accept([raw])
    (article,) = publisher.articles
    assert outcome.status is Status.ACCEPTED
    assert (article.article_id, article.revision, article.story_id) == (outcome.article_id, 1, outcome.story_id)
    assert (article.url, article.language, article.feed) == ("https://valleycourier.example/osk", "en", "valley")
    assert article.source.domain == "valleycourier.example"


def test_an_exact_duplicate_is_dropped(acceptor: Acceptor, publisher: Any, make_raw: Make) -> None:
    assert statuses(acceptor, make_raw()) == ["accepted"]
    tracked = make_raw(url="http://valleycourier.example/osk?utm_source=x", text=make_raw().text + " ")
    assert statuses(acceptor, make_raw(), tracked) == ["duplicate", "duplicate"]
    assert len(publisher.articles) == 1


def test_an_edit_is_the_next_revision_of_the_same_article_and_story(
    acceptor: Acceptor, publisher: Any, make_raw: Make
) -> None:
    assert statuses(acceptor, make_raw()) == ["accepted"]
    assert statuses(acceptor, make_raw(text="The shooting at the dam has stopped.")) == ["revision"]
    first, second = publisher.articles
    assert (second.article_id, second.story_id, second.revision) == (first.article_id, first.story_id, 2)
    assert second.content_hash != first.content_hash


def test_an_edit_that_is_taken_back_is_a_revision_too(acceptor: Acceptor, publisher: Any, make_raw: Make) -> None:
    assert statuses(acceptor, make_raw(), make_raw(text="Edited."), make_raw()) == ["accepted", "revision", "revision"]
    assert [article.revision for article in publisher.articles] == [1, 2, 3]


def test_two_feeds_with_different_lengths_of_an_article_do_not_edit_it_for_ever(
    acceptor: Acceptor, publisher: Any, make_raw: Make
) -> None:
    short, long = make_raw(feed="front", text="Short."), make_raw(feed="world", text="Long text of the same page.")
    seen = [statuses(acceptor, short, long) for _ in range(4)]
    assert seen == [["accepted", "revision"]] + [["duplicate", "duplicate"]] * 3
    assert statuses(acceptor, make_raw(feed="front", text="Short, and edited.")) == ["revision"]


def test_without_a_url_the_guid_and_without_a_guid_the_content_identifies(acceptor: Acceptor, make_raw: Make) -> None:
    by_guid = [make_raw(url=None, guid="g", text=text) for text in ("One.", "Two.")]
    assert statuses(acceptor, *by_guid) == ["accepted", "revision"]
    by_content = [make_raw(url=None, text=text) for text in ("Three.", "Four.", "Three.")]
    assert statuses(acceptor, *by_content) == ["accepted", "accepted", "duplicate"]
    assert statuses(acceptor, make_raw(url=None, guid="g", text="One.", source_name="Another")) == ["accepted"]


def test_when_kafka_is_away_nothing_is_remembered(
    acceptor: Acceptor, publisher: Any, memories: Any, make_raw: Make
) -> None:
    publisher.away = True
    refused = Refused("empty-article", "title, text: both are empty", b"x", "feed:a")
    for items in ([make_raw()], [refused]):
        with pytest.raises(KafkaAway):
            acceptor.accept(items)
    assert (memories.seen, memories.refused) == ({}, set())
    publisher.away = False
    assert statuses(acceptor, make_raw(), refused) == ["accepted", "refused"]
    assert len(publisher.dead_letters) == 1


def test_a_crash_after_the_acknowledgement_sends_the_same_id_and_revision_again(
    acceptor: Acceptor, publisher: Any, memories: Any, make_raw: Make
) -> None:
    statuses(acceptor, make_raw())

    def crash() -> None:
        raise SystemExit

    memories.before_remember = crash
    with pytest.raises(SystemExit):
        acceptor.accept([make_raw(text="Edited.")])
    memories.before_remember = lambda: None
    assert statuses(acceptor, make_raw(text="Edited.")) == ["revision"]
    _, lost, again = publisher.articles
    assert again == lost


def test_of_two_workers_with_different_texts_both_are_sent_and_the_slower_is_the_revision(
    acceptor: Acceptor, publisher: Any, memories: Any, make_raw: Make
) -> None:
    def other_worker() -> None:
        memories.before_remember = lambda: None
        assert statuses(acceptor, make_raw(text="The other worker's text.")) == ["accepted"]

    memories.before_remember = other_worker
    (outcome,) = acceptor.accept([make_raw(text="Our text.")])
    assert (outcome.status, outcome.revision) == (Status.REVISION, 2)
    assert [(article.text, article.revision) for article in publisher.articles][-1] == ("Our text.", 2)


def test_of_two_workers_with_the_same_text_neither_makes_a_revision(
    acceptor: Acceptor, publisher: Any, memories: Any, make_raw: Make
) -> None:
    def other_worker() -> None:
        memories.before_remember = lambda: None
        acceptor.accept([make_raw()])

    memories.before_remember = other_worker
    (outcome,) = acceptor.accept([make_raw()])
    assert (outcome.status, outcome.revision) == (Status.ACCEPTED, 1)
    assert {article.revision for article in publisher.articles} == {1}


def test_a_refused_item_is_one_dead_letter_however_often_it_comes(
    acceptor: Acceptor, publisher: Any, make_raw: Make
) -> None:
    empty = make_raw(title=" ", text="<p></p>", payload=b"original", origin="feed:valley")
    for _ in range(3):
        assert statuses(acceptor, empty, empty) == ["refused", "refused"]
    (letter,) = publisher.dead_letters
    assert (letter.reason, letter.payload, letter.origin) == ("empty-article", b"original", "feed:valley")
    assert letter.retryable is False


def test_an_unusable_item_does_not_stop_the_others(acceptor: Acceptor, publisher: Any, make_raw: Make) -> None:
    assert statuses(acceptor, make_raw(title="", text=""), make_raw()) == ["refused", "accepted"]
    assert len(publisher.articles) == 1


def test_a_copy_in_another_paper_is_another_article_of_the_same_story(
    acceptor: Acceptor, publisher: Any, make_raw: Make
) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    assert (
        statuses(
            acceptor,
            make_raw(text=text),
            make_raw(text=f"(Agency) {text}", url="https://other.example/1"),
            make_raw(text=" ".join(reversed(text.split())), url="https://third.example/1"),
        )
        == ["accepted"] * 3
    )
    one, copy, other = publisher.articles
    assert copy.story_id == one.story_id
    assert copy.article_id != one.article_id
    assert other.story_id != one.story_id


def test_a_claimed_language_is_believed_and_reduced_to_its_code(
    acceptor: Acceptor, publisher: Any, make_raw: Make
) -> None:
    statuses(acceptor, make_raw(language="pt-BR"), make_raw(language="und", url="https://a.example/"))
    assert [article.language for article in publisher.articles] == ["pt", "en"]


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.sampled_from(["", "A.", "B.", "C."]), max_size=12), cuts=st.sets(st.integers(0, 12)))
def test_however_items_are_batched_the_messages_are_the_same(
    fresh_acceptor: Callable[[], tuple[Acceptor, Any]], texts: list[str], cuts: set[int]
) -> None:
    whole, one_by_one = fresh_acceptor(), fresh_acceptor()
    items = [RawArticle("", text, "S", "push", text.encode(), url="https://a.example/1") for text in texts]
    whole[0].accept(items)
    start = 0
    for end in [*sorted(cut for cut in cuts if cut <= len(items)), len(items)]:
        one_by_one[0].accept(items[start:end])
        start = end
    assert whole[1].articles == one_by_one[1].articles
    assert whole[1].dead_letters == one_by_one[1].dead_letters
