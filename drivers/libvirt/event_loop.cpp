// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/event_loop.hpp"

#include <csignal>
#include <mutex>

#include <libvirt/libvirt.h>

#include "drivers/libvirt/errors.hpp"

namespace holdfast::libvirt {
namespace {

void ignore_timer(int /*timer*/, void* /*data*/) {}

}  // namespace

void block_broken_pipe_signal() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::shared_ptr<EventLoop> EventLoop::acquire() {
  static std::mutex mutex;
  static std::weak_ptr<EventLoop> current;
  const std::lock_guard lock{mutex};
  if (auto loop = current.lock()) return loop;
  std::shared_ptr<EventLoop> loop{new EventLoop};
  current = loop;
  return loop;
}

EventLoop::EventLoop() {
  // Registering twice is an error that libvirt reports and ignores; the first one stays.
  [[maybe_unused]] static const bool registered = [] {
    silence_default_error_printing();
    return virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
  }();
  wake_ = virEventAddTimeout(-1, ignore_timer, nullptr, nullptr);
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

EventLoop::~EventLoop() {
  thread_.request_stop();
  if (wake_ >= 0) virEventUpdateTimeout(wake_, 0);  // poll(2) returns at once
  // The last owner may be a callback's, on the loop's own thread, which cannot join itself.
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
    // One last turn releases what connections that were just closed left with the loop.
    if (wake_ >= 0) virEventRunDefaultImpl();
  }
  if (wake_ >= 0) virEventRemoveTimeout(wake_);
}

void EventLoop::run(const std::stop_token& stop) const {
  block_broken_pipe_signal();
  while (!stop.stop_requested()) {
    if (virEventRunDefaultImpl() < 0) std::this_thread::yield();
  }
}

}  // namespace holdfast::libvirt
