// SPDX-License-Identifier: Apache-2.0
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <liburing.h>

#include "base/unique_fd.hpp"
#include "imaging/io_queue.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t wake_tag = std::numeric_limits<std::uint64_t>::max();
constexpr unsigned short idle_class = 3U << 13U;  // IOPRIO_CLASS_IDLE (linux/ioprio.h)

class IoUringQueue final : public IoQueue {
 public:
  explicit IoUringQueue(const IoSettings& settings) : settings_{settings} {}
  IoUringQueue(const IoUringQueue&) = delete;
  IoUringQueue& operator=(const IoUringQueue&) = delete;
  ~IoUringQueue() override {
    if (!is_open_) return;
    // The ring itself is taken down in the background; what it holds of ours goes now, so that
    // a removed file gives its room back at once.
    if (!settings_.files.empty()) ::io_uring_unregister_files(&ring_);
    if (!settings_.buffers.empty()) ::io_uring_unregister_buffers(&ring_);
    ::io_uring_queue_exit(&ring_);
  }

  Result<void> open() {
    wake_ = UniqueFd{::eventfd(0, EFD_CLOEXEC)};
    if (!wake_) return posix_error(errno, "create an eventfd");
    // The flags of Linux 6.1 spare interrupts of a thread that will ask anyway.
    int error = init(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (error == -EINVAL) error = init(0);
    if (error < 0) return Error{Errc::unavailable, posix_error(-error, "io_uring").message()};
    is_open_ = true;
    register_resources();
    listen_for_wake();
    return ok();
  }

  void submit(const IoRequest& request) override {
    auto* sqe = next_entry();
    const auto size = static_cast<unsigned>(request.bytes.size());
    const auto buffer = buffer_of(request.bytes);
    if (buffer >= 0) {
      if (request.is_write)
        ::io_uring_prep_write_fixed(sqe, request.file, request.bytes.data(), size, request.offset,
                                    buffer);
      else
        ::io_uring_prep_read_fixed(sqe, request.file, request.bytes.data(), size, request.offset,
                                   buffer);
    } else if (request.is_write) {
      ::io_uring_prep_write(sqe, request.file, request.bytes.data(), size, request.offset);
    } else {
      ::io_uring_prep_read(sqe, request.file, request.bytes.data(), size, request.offset);
    }
    use_registered_file(sqe, request.file);
    if (settings_.priority == IoPriority::idle) sqe->ioprio = idle_class;
    ::io_uring_sqe_set_data64(sqe, request.tag);
  }

  Result<void> wait(std::vector<IoResult>& finished, std::chrono::milliseconds patience) override {
    __kernel_timespec limit{};
    limit.tv_sec = patience.count() / 1000;
    limit.tv_nsec = patience.count() % 1000 * 1'000'000;
    io_uring_cqe* first = nullptr;
    const int error = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
    if (error < 0 && error != -ETIME && error != -EINTR && error != -EAGAIN && error != -EBUSY)
      return Error{Errc::unavailable, posix_error(-error, "wait for io_uring").message()};
    take(finished);
    return ok();
  }

  void wake() override {
    const std::uint64_t one = 1;
    // A full counter wakes as well; there is nothing else to fail.
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
  }

 private:
  int init(unsigned flags) {
    io_uring_params params{};
    params.flags = flags;
    return ::io_uring_queue_init_params(settings_.depth + 1, &ring_, &params);
  }

  // Both only make it faster: a lower RLIMIT_MEMLOCK than the buffers need is no error.
  void register_resources() {
    std::vector<iovec> vectors;
    for (const auto buffer : settings_.buffers) vectors.push_back({buffer.data(), buffer.size()});
    if (!vectors.empty() && ::io_uring_register_buffers(&ring_, vectors.data(),
                                                        static_cast<unsigned>(vectors.size())) < 0)
      settings_.buffers.clear();
    if (settings_.files.empty() ||
        ::io_uring_register_files(&ring_, settings_.files.data(),
                                  static_cast<unsigned>(settings_.files.size())) < 0)
      settings_.files.clear();
  }

  io_uring_sqe* next_entry() {
    auto* sqe = ::io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {  // only when the kernel was too busy to take the last ones
      ::io_uring_submit(&ring_);
      sqe = ::io_uring_get_sqe(&ring_);
    }
    return sqe;
  }

  void listen_for_wake() {
    auto* sqe = next_entry();
    ::io_uring_prep_read(sqe, wake_.get(), &woken_, sizeof woken_, 0);
    ::io_uring_sqe_set_data64(sqe, wake_tag);
  }

  void take(std::vector<IoResult>& finished) {
    unsigned head = 0;
    unsigned count = 0;
    bool was_woken = false;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      const auto tag = ::io_uring_cqe_get_data64(cqe);
      if (tag == wake_tag)
        was_woken = true;
      else
        finished.push_back({tag, cqe->res});
    }
    ::io_uring_cq_advance(&ring_, count);
    if (was_woken) listen_for_wake();
  }

  int buffer_of(std::span<const std::byte> bytes) const {
    for (std::size_t i = 0; i < settings_.buffers.size(); ++i) {
      const auto& buffer = settings_.buffers[i];
      if (bytes.data() >= buffer.data() &&
          bytes.data() + bytes.size() <= buffer.data() + buffer.size())
        return static_cast<int>(i);
    }
    return -1;
  }

  void use_registered_file(io_uring_sqe* sqe, int file) const {
    const auto found = std::find(settings_.files.begin(), settings_.files.end(), file);
    if (found == settings_.files.end()) return;
    sqe->fd = static_cast<int>(found - settings_.files.begin());
    ::io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
  }

  IoSettings settings_;
  UniqueFd wake_{};
  std::uint64_t woken_ = 0;
  bool is_open_ = false;
  io_uring ring_{};
};

}  // namespace

Result<std::unique_ptr<IoQueue>> open_io_uring(const IoSettings& settings) {
  auto queue = std::make_unique<IoUringQueue>(settings);
  TRY(queue->open());
  return std::unique_ptr<IoQueue>{std::move(queue)};
}

}  // namespace holdfast::imaging
