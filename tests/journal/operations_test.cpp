// SPDX-License-Identifier: Apache-2.0
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

TEST_CASE_METHOD(InMemory, "journal: begin records who what and when", "[journal]") {
  const Operation op = journal->begin("guest.create", "guest/acme", R"({"a":1})", true).value();
  const Operation held = journal->operation(op.id).value();
  CHECK(held.kind == "guest.create");
  CHECK(held.subject == "guest/acme");
  CHECK(held.input == R"({"a":1})");
  CHECK(held.state == OperationState::open);
  CHECK(held.forward_only);
  CHECK(held.started == clock.now());
  CHECK(code_of(journal->operation(OperationId{99})) == Errc::not_found);
}

TEST_CASE_METHOD(InMemory, "journal: a subject has one unfinished operation", "[journal]") {
  const Operation op = journal->begin("guest.create", "guest/acme", "").value();
  CHECK(code_of(journal->begin("guest.stop", "guest/acme", "")) == Errc::conflict);
  REQUIRE(journal->begin("guest.create", "guest/other", ""));
  const auto refused_in = [&](OperationState state) {
    CHECK(journal->unfinished("guest/acme").value()->state == state);
    CHECK(code_of(journal->begin("guest.stop", "guest/acme", "")) == Errc::conflict);
  };
  REQUIRE(journal->commit([&](Writes& writes) { return writes.stick(op.id, "tired"); }));
  refused_in(OperationState::stuck);
  CHECK(journal->operation(op.id).value().cause == "tired");
  REQUIRE(journal->commit([&](Writes& writes) { return writes.turn_back(op.id, "a person"); }));
  refused_in(OperationState::rolling_back);
  CHECK(journal->operation(op.id).value().cause == "a person");
  CHECK(journal->unfinished().value().size() == 2);
  REQUIRE(journal->commit(
      [&](Writes& writes) { return writes.close(op.id, OperationState::rolled_back); }));
  CHECK_FALSE(journal->unfinished("guest/acme").value());
  CHECK(journal->begin("guest.stop", "guest/acme", ""));
}

TEST_CASE_METHOD(InMemory, "journal: the count of unfinished operations is that of the last commit",
                 "[journal]") {
  CHECK(journal->unfinished_count() == 0);
  const Operation op = journal->begin("guest.create", "guest/acme", "").value();
  REQUIRE(journal->begin("guest.create", "guest/other", ""));
  CHECK(journal->unfinished_count() == 2);
  CHECK(code_of(journal->begin("guest.stop", "guest/acme", "")) == Errc::conflict);
  CHECK_FALSE(journal->commit([&](Writes& writes) -> Result<void> {
    TRY(writes.close(op.id, OperationState::succeeded));
    return Error{Errc::invalid, "not after all"};
  }));
  CHECK(journal->unfinished_count() == 2);
  REQUIRE(journal->commit([&](Writes& writes) { return writes.stick(op.id, "tired"); }));
  CHECK(journal->unfinished_count() == 2);
  REQUIRE(journal->commit([&](Writes& writes) -> Result<void> {
    TRY(writes.turn_back(op.id, "a person"));
    TRY(writes.close(op.id, OperationState::rolled_back));
    CHECK(journal->unfinished_count() == 2);  // does not wait for the writer
    return ok();
  }));
  CHECK(journal->unfinished_count() == 1);
}

TEST_CASE_METHOD(InMemory, "journal: ids grow and are never reused", "[journal]") {
  OperationId last{};
  for (int i = 0; i < 3; ++i) {
    const Operation op = journal->begin("k", "guest/acme", "").value();
    CHECK(op.id > last);
    last = op.id;
    REQUIRE(journal->commit(
        [&](Writes& writes) { return writes.close(op.id, OperationState::succeeded); }));
  }
  CHECK(journal->recent("guest/acme", 2).value().front().id == last);
  CHECK(journal->recent("guest/acme", 2).value().size() == 2);
  CHECK(journal->recent("", 10).value().size() == 3);
  CHECK(journal->recent("guest/none", 10).value().empty());
}

TEST_CASE_METHOD(InMemory, "journal: changes out of order are conflicts and change nothing",
                 "[journal]") {
  const OperationId op = journal->begin("k", "guest/acme", "").value().id;
  using Change = std::function<Result<void>(Writes&)>;
  const auto refused = [&](const Change& change) {
    CHECK(code_of(journal->commit(change)) == Errc::conflict);
  };
  refused([&](Writes& w) { return w.done(op, "one", ""); });
  refused([&](Writes& w) { return w.task(op, "one", "t"); });
  refused([&](Writes& w) { return w.undone(op, "one"); });
  refused([&](Writes& w) { return w.unstick(op); });
  refused([&](Writes& w) { return w.close(op, OperationState::rolled_back); });
  REQUIRE(journal->commit([&](Writes& w) { return w.begun(op, "one", "i"); }));
  refused([&](Writes& w) { return w.close(op, OperationState::succeeded); });  // half done
  REQUIRE(journal->commit([&](Writes& w) { return w.done(op, "one", "o"); }));
  refused([&](Writes& w) { return w.begun(op, "one", "i"); });
  REQUIRE(journal->commit([&](Writes& w) { return w.close(op, OperationState::succeeded); }));
  refused([&](Writes& w) { return w.begun(op, "two", ""); });
  refused([&](Writes& w) { return w.turn_back(op, "late"); });
  refused([&](Writes& w) { return w.stick(op, "late"); });
  refused([&](Writes& w) { return w.count_attempt(op); });
  CHECK(journal->operation(op).value().state == OperationState::succeeded);
  CHECK(journal->steps(op).value().size() == 1);
}

TEST_CASE_METHOD(InMemory, "journal: a step keeps what was about to be done and what came of it",
                 "[journal]") {
  const OperationId op = journal->begin("k", "guest/acme", "").value().id;
  const Time begun_at = clock.now();
  REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
    TRY(w.begun(op, "one", std::string{"in\0put", 6}));
    return w.task(op, "one", "UPID:7");
  }));
  clock.advance(Duration{500});
  REQUIRE(journal->commit([&](Writes& w) { return w.done(op, "one", "output"); }));
  const auto steps = journal->steps(op).value();
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].input == std::string{"in\0put", 6});
  CHECK(steps[0].task == "UPID:7");
  CHECK(steps[0].output == "output");
  CHECK(steps[0].begun == begun_at);
  CHECK(steps[0].ended == begun_at + Duration{500});
}

TEST_CASE_METHOD(InMemory, "journal: closed operations are pruned when old and many", "[journal]") {
  const auto close_one = [&](Writes& w, const std::string& subject) -> Result<void> {
    const OperationId op = TRY(w.begin("k", subject, "", false));
    TRY(w.begun(op, "one", ""));
    TRY(w.done(op, "one", ""));
    return w.close(op, OperationState::succeeded);
  };
  const auto close_many = [&](int count) {
    REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
      for (int i = 0; i < count; ++i) TRY(close_one(w, "guest/" + std::to_string(i)));
      return ok();
    }));
  };
  const OperationId open_one = journal->begin("k", "host", "").value().id;
  close_many(300);
  clock.advance(std::chrono::hours{24 * 91});
  close_many(1);
  CHECK(journal->recent("", 20'000).value().size() == 302);  // old, but not many
  close_many(10'050);
  const auto kept = journal->recent("", 20'000).value();
  CHECK(kept.size() == 10'052);  // the 300 old ones are gone, the open one is not
  CHECK(kept.back().id == open_one);
  CHECK(journal->steps(OperationId{open_one.value + 1}).value().empty());
  close_many(200);
  CHECK(journal->recent("", 20'000).value().size() == 10'252);  // many, but not old
  CHECK(journal->verify());
}

TEST_CASE_METHOD(InMemory, "journal: whatever is wished for, closed operations have an end",
                 "[journal]") {
  REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
    for (int i = 0; i < 100'300; ++i) {
      const OperationId op = TRY(w.begin("k", "guest/acme", "", false));
      TRY(w.close(op, OperationState::succeeded));
    }
    return ok();
  }));
  const auto kept = journal->recent("", 200'000).value();
  CHECK(kept.size() == 100'000);
  CHECK(kept.back().id.value == 301);
}
