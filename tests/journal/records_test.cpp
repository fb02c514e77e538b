// SPDX-License-Identifier: Apache-2.0
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

Uuid uuid(std::uint8_t last) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = last;
  return Uuid{bytes};
}

Provenance guest(std::uint8_t last, const std::string& subject = "guest/acme") {
  Provenance made;
  made.uuid = uuid(last);
  made.subject = subject;
  made.origin = Origin::created;
  made.created_by = OperationId{7};
  made.detail = R"({"mac":"52:54:00:00:00:01"})";
  return made;
}

struct Fixture : InMemory {
  Result<void> put(const Provenance& item) {
    return journal->commit([&](Writes& w) { return w.put(item); });
  }
  Result<void> put(const ConditionRecord& condition) {
    return journal->commit([&](Writes& w) { return w.put("guest/acme", condition); });
  }
  Result<void> put(const TicketRecord& ticket) {
    return journal->commit([&](Writes& w) { return w.put(ticket); });
  }
};

ConditionRecord ready(ConditionStatus status, const std::string& reason) {
  return {"Ready", status, reason, "message of " + reason, 4, {}};
}

}  // namespace

TEST_CASE_METHOD(Fixture, "provenance: comes back as it was put", "[journal]") {
  Provenance item = guest(1);
  item.incarnation = Incarnation{3};
  item.life = Life::tombstone;
  item.data_bearing = true;
  item.tombstoned_at = clock.now() - Duration{5};
  REQUIRE(put(item));
  item.created_at = item.updated_at = clock.now();
  CHECK(journal->provenance(uuid(1)).value() == item);
  CHECK_FALSE(journal->provenance(uuid(2)).value());

  clock.advance(Duration{1'000});
  item.created_at = Time{};  // not given: stays
  item.life = Life::live;
  item.tombstoned_at.reset();
  REQUIRE(put(item));
  const Provenance held = *journal->provenance(uuid(1)).value();
  CHECK(held.created_at == clock.now() - Duration{1'000});
  CHECK(held.updated_at == clock.now());
  CHECK_FALSE(held.tombstoned_at);
}

TEST_CASE_METHOD(Fixture, "provenance: a subject has one owner and passes on from a tombstone",
                 "[journal]") {
  REQUIRE(put(guest(1)));
  CHECK(code_of(put(guest(2))) == Errc::conflict);
  CHECK(journal->owner_of("guest/acme").value()->uuid == uuid(1));

  Provenance dead = guest(1);
  dead.life = Life::tombstone;
  REQUIRE(put(dead));
  CHECK_FALSE(journal->owner_of("guest/acme").value());
  REQUIRE(put(guest(2)));
  CHECK(journal->owner_of("guest/acme").value()->uuid == uuid(2));
  CHECK(journal->all_provenance().value().size() == 2);

  dead.life = Life::gone;
  REQUIRE(put(dead));
  CHECK(journal->all_provenance().value().size() == 1);
  CHECK(journal->provenance(uuid(1)).value()->life == Life::gone);
}

TEST_CASE_METHOD(Fixture, "provenance: what is foreign owns nothing against what is ours",
                 "[journal]") {
  Provenance foreign = guest(1);
  foreign.origin = Origin::foreign;
  foreign.life = Life::live;
  REQUIRE(put(foreign));
  CHECK(journal->owner_of("guest/acme").value()->uuid == uuid(1));
  REQUIRE(put(guest(2)));
  CHECK(journal->owner_of("guest/acme").value()->uuid == uuid(2));
}

TEST_CASE_METHOD(Fixture, "condition: its time moves only with its status", "[journal]") {
  const Time start = clock.now();
  REQUIRE(put(ready(ConditionStatus::no, "Creating")));
  clock.advance(Duration{10});
  REQUIRE(put(ready(ConditionStatus::no, "Starting")));
  auto held = journal->conditions("guest/acme").value();
  REQUIRE(held.size() == 1);
  CHECK(held[0].reason == "Starting");
  CHECK(held[0].changed == start);
  CHECK(held[0].observed_generation == 4);
  clock.advance(Duration{10});
  REQUIRE(put(ready(ConditionStatus::yes, "Running")));
  held = journal->conditions("guest/acme").value();
  CHECK(held[0].changed == start + Duration{20});
  CHECK(journal->condition_history("guest/acme", "Ready").value().size() == 2);
}

TEST_CASE_METHOD(Fixture, "provenance: what is gone is forgotten after 90 days", "[journal]") {
  Provenance gone = guest(1);
  gone.life = Life::gone;
  REQUIRE(put(gone));
  Provenance buried = guest(2);
  buried.life = Life::tombstone;
  REQUIRE(put(buried));
  clock.advance(std::chrono::hours{24 * 90});
  gone = guest(3);
  gone.life = Life::gone;
  REQUIRE(put(gone));
  CHECK(journal->provenance(uuid(1)).value());
  clock.advance(Duration{1});
  gone = guest(4);
  gone.life = Life::gone;
  REQUIRE(put(gone));
  CHECK_FALSE(journal->provenance(uuid(1)).value());
  CHECK(journal->provenance(uuid(2)).value());
  CHECK(journal->provenance(uuid(3)).value());
}

TEST_CASE_METHOD(Fixture, "condition: the last five transitions are kept newest first",
                 "[journal]") {
  for (int i = 0; i < 9; ++i) {
    clock.advance(Duration{1});
    REQUIRE(put(ready(i % 2 == 0 ? ConditionStatus::yes : ConditionStatus::unknown,
                      "Reason" + std::to_string(i))));
  }
  const auto history = journal->condition_history("guest/acme", "Ready").value();
  REQUIRE(history.size() == 5);
  CHECK(history.front().reason == "Reason8");
  CHECK(history.back().reason == "Reason4");
  CHECK(history.front().changed == clock.now());
  CHECK(journal->condition_history("guest/other", "Ready").value().empty());
  REQUIRE(journal->commit([](Writes& w) { return w.drop_conditions("guest/acme"); }));
  CHECK(journal->conditions("guest/acme").value().empty());
  CHECK(journal->condition_history("guest/acme", "Ready").value().empty());
}

TEST_CASE_METHOD(Fixture, "ticket: one is open for a refusal until it is closed", "[journal]") {
  TicketRecord ticket;
  ticket.id = "0123456789abcdef0123456789abcdef";
  ticket.subject = "guest/acme";
  ticket.key = "destroy 1";
  ticket.job = std::string{"exact\0bytes\n", 12};
  ticket.created = clock.now();
  ticket.expires = clock.now() + Duration{1};
  REQUIRE(put(ticket));
  TicketRecord second = ticket;
  second.id = "ffffffffffffffffffffffffffffffff";
  CHECK(code_of(put(second)) == Errc::conflict);
  CHECK(journal->open_tickets().value().size() == 1);
  CHECK(journal->ticket(ticket.id).value()->job == ticket.job);
  REQUIRE(journal->commit([&](Writes& w) { return w.close_ticket(ticket.id); }));
  CHECK(journal->open_tickets().value().empty());
  CHECK_FALSE(journal->ticket(ticket.id).value()->is_open);
  REQUIRE(put(second));
  CHECK(journal->open_tickets().value().front().id == second.id);
  CHECK_FALSE(journal->ticket("none").value());
  // Long after, closing another forgets it; what is open stays, however old.
  const auto close = [&](const std::string& which) {
    REQUIRE(journal->commit([&](Writes& w) { return w.close_ticket(which); }));
  };
  clock.advance(std::chrono::hours{24 * 89});
  close("none");
  CHECK(journal->ticket(ticket.id).value());
  clock.advance(std::chrono::hours{24 * 2});
  close("none");
  CHECK_FALSE(journal->ticket(ticket.id).value());
  CHECK(journal->ticket(second.id).value()->is_open);
}

TEST_CASE_METHOD(Fixture, "ticket: of the closed ones the newest thousand are kept", "[journal]") {
  const auto id = [](int number) {
    const std::string digits = std::to_string(number);
    return std::string(32 - digits.size(), '0') + digits;
  };
  REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
    for (int i = 0; i < 1'200; ++i) {
      TicketRecord ticket;
      ticket.id = id(i);
      ticket.subject = "guest/acme";
      ticket.key = "shrink_disk";
      ticket.created = clock.now() + Duration{i};
      ticket.expires = clock.now() + std::chrono::hours{24 * 7};
      TRY(w.put(ticket));
      TRY(w.close_ticket(ticket.id));
    }
    return ok();
  }));
  CHECK_FALSE(journal->ticket(id(0)).value());
  CHECK_FALSE(journal->ticket(id(199)).value());
  CHECK(journal->ticket(id(200)).value());
  CHECK(journal->ticket(id(1'199)).value());
}

TEST_CASE_METHOD(Fixture, "job: its id is spent once and with what it does", "[journal]") {
  CHECK_FALSE(journal->job_seen("j1").value());
  const auto take = [&](const std::string& effect) {
    return journal->commit([&](Writes& w) -> Result<void> {
      TRY(w.set_fact("effect", effect));
      return w.job_seen("j1", "guest/acme");
    });
  };
  REQUIRE(take("first"));
  CHECK(code_of(take("second")) == Errc::conflict);
  CHECK(journal->fact("effect").value() == "first");
  CHECK(journal->job_seen("j1").value());
}

TEST_CASE_METHOD(Fixture, "corrections: are counted by field and forgotten after a week",
                 "[journal]") {
  const Time start = clock.now();
  const auto correct = [&](const std::string& field) {
    REQUIRE(journal->commit([&](Writes& w) { return w.corrected("guest/acme", field); }));
  };
  correct("memory");
  clock.advance(std::chrono::hours{1});
  correct("memory");
  correct("cpus");
  using Counts = std::map<std::string, std::size_t>;
  CHECK(journal->corrections("guest/acme", start).value() == Counts{{"cpus", 1}, {"memory", 2}});
  CHECK(journal->corrections("guest/acme", start + Duration{1}).value() ==
        Counts{{"cpus", 1}, {"memory", 1}});
  CHECK(journal->corrections("guest/other", start).value().empty());
  clock.advance(std::chrono::hours{24 * 7});
  correct("memory");
  CHECK(journal->corrections("guest/acme", start).value() == Counts{{"cpus", 1}, {"memory", 2}});
}

TEST_CASE_METHOD(Fixture, "desired state: the last accepted one is kept whole", "[journal]") {
  CHECK_FALSE(journal->accepted().value());
  for (const std::uint64_t generation : {1U, 2U}) {
    AcceptedState state{generation, "sha256:" + std::to_string(generation), "{}", {}};
    REQUIRE(journal->commit([&](Writes& w) { return w.accept(state); }));
  }
  const AcceptedState held = *journal->accepted().value();
  CHECK(held.generation == 2);
  CHECK(held.digest == "sha256:2");
  CHECK(held.accepted_at == clock.now());
}

TEST_CASE_METHOD(Fixture, "facts: the mode is normal until it is said otherwise", "[journal]") {
  CHECK(journal->mode().value() == DaemonMode::normal);
  REQUIRE(set_fact(*journal, "mode", "observe-only"));
  CHECK(journal->mode().value() == DaemonMode::observe_only);
  REQUIRE(set_fact(*journal, "mode", "normal"));
  CHECK(journal->mode().value() == DaemonMode::normal);
  REQUIRE(set_fact(*journal, "mode", "written by a later version"));
  CHECK(journal->mode().value() == DaemonMode::observe_only);
  CHECK(code_of(set_fact(*journal, "journal.audit_head", "0")) == Errc::invalid);
}

TEST_CASE("records: words are read back as they are written", "[journal]") {
  for (const Origin origin : {Origin::created, Origin::scratch, Origin::adopted, Origin::foreign}) {
    CHECK(parse_origin(to_string(origin)) == origin);
  }
  for (const Life life : {Life::provisioning, Life::live, Life::tombstone, Life::gone}) {
    CHECK(parse_life(to_string(life)) == life);
  }
  for (const JobState state : {JobState::accepted, JobState::running, JobState::done,
                               JobState::refused, JobState::failed}) {
    CHECK(parse_job_state(to_string(state)) == state);
  }
  CHECK_FALSE(parse_origin("imported"));
  CHECK_FALSE(parse_life(""));
}
