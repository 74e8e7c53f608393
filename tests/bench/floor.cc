// What this machine gives for durable new files, whoever writes them: each thread writes a file of its own, makes its
// octets durable and names it; then one of those who wait syncs the folder and commits one row for each in one
// transaction of SQLite, and all of them have answered. Prints one JSON object, as loadgen does.
//
//   floor --dir EMPTY_FOLDER [--threads 16] [--seconds 3] [--octets 4096]
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
    std::string dir;
    int threads = 16;
    double seconds = 3;
    std::size_t octets = 4096;
};

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "floor: %s\n", why.c_str());
    std::exit(2);
}

class Database {
  public:
    explicit Database(const std::string& path) {
        if (::sqlite3_open(path.c_str(), &db_) != SQLITE_OK) die("can not open " + path);
        run("PRAGMA journal_mode = WAL");
        run("PRAGMA synchronous = FULL");
        run("CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER) STRICT");
        if (::sqlite3_prepare_v2(db_, "INSERT INTO file (name, size) VALUES (?1, ?2)", -1, &insert_, nullptr) !=
            SQLITE_OK)
            die("can not prepare");
    }
    ~Database() {
        ::sqlite3_finalize(insert_);
        ::sqlite3_close(db_);
    }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void commit(const std::vector<std::string>& names, std::size_t octets) {
        run("BEGIN IMMEDIATE");
        for (const std::string& name : names) {
            ::sqlite3_bind_text(insert_, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
            ::sqlite3_bind_int64(insert_, 2, static_cast<sqlite3_int64>(octets));
            if (::sqlite3_step(insert_) != SQLITE_DONE) die("can not insert");
            ::sqlite3_reset(insert_);
        }
        run("COMMIT");
    }

  private:
    void run(const char* sql) {
        if (::sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
            die(std::string(sql) + ": " + ::sqlite3_errmsg(db_));
    }
    sqlite3* db_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

// Who comes while a group is made durable is of the next one; the first of those leads it.
class Groups {
  public:
    explicit Groups(const Plan& plan) : plan_(plan), database_(plan.dir + "/floor.db") {
        folder_ = ::open((plan.dir + "/files").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_ < 0) die("no folder for the files");
    }
    ~Groups() { ::close(folder_); }
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    int folder() const { return folder_; }

    void join(std::string name) {
        std::unique_lock hold(mutex_);
        const long mine = next_;
        waiting_.push_back(std::move(name));
        while (done_ < mine && leading_) changed_.wait(hold);
        if (done_ >= mine) return;
        leading_ = true;
        const long group = next_++;
        const std::vector<std::string> names = std::exchange(waiting_, {});
        hold.unlock();
        if (::fsync(folder_) != 0) die("fsync of the folder");
        database_.commit(names, plan_.octets);
        hold.lock();
        done_ = group;
        leading_ = false;
        changed_.notify_all();
    }

  private:
    const Plan& plan_;
    Database database_;
    int folder_ = -1;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> waiting_;  // at most one a thread
    long next_ = 1;                     // the group of who comes now
    long done_ = 0;
    bool leading_ = false;
};

void write_file(const Plan& plan, int folder, const std::string& name, const std::string& octets) {
    const std::string staged = ".staged-" + name;
    const int fd = ::openat(folder, staged.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0) die("can not make a file");
    if (::write(fd, octets.data(), plan.octets) != static_cast<ssize_t>(plan.octets)) die("short write");
    if (::fdatasync(fd) != 0) die("fdatasync");
    ::close(fd);
    if (::renameat(folder, staged.c_str(), folder, name.c_str()) != 0) die("rename");
}

Plan parse(int argc, char** argv) {
    Plan plan;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i];
        const std::string value = argv[i + 1];
        if (key == "--dir")
            plan.dir = value;
        else if (key == "--threads")
            plan.threads = std::stoi(value);
        else if (key == "--seconds")
            plan.seconds = std::stod(value);
        else if (key == "--octets")
            plan.octets = std::stoul(value);
        else
            die("no such option: " + key);
    }
    if (plan.dir.empty() || plan.threads < 1) die("floor --dir EMPTY_FOLDER [--threads N] [--seconds S] [--octets N]");
    return plan;
}

}  // namespace

int main(int argc, char** argv) {
    const Plan plan = parse(argc, argv);
    ::mkdir((plan.dir + "/files").c_str(), 0770);
    Groups groups(plan);
    const std::string octets(plan.octets, 'x');
    const auto began = Clock::now();
    const auto since = [](Clock::time_point then) {
        return std::chrono::duration<double>(Clock::now() - then).count();
    };
    std::vector<std::vector<double>> taken(static_cast<std::size_t>(plan.threads));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < taken.size(); ++t) {
        threads.emplace_back([&, t] {
            for (long n = 0; since(began) < plan.seconds; ++n) {
                const auto start = Clock::now();
                std::string name = "f" + std::to_string(t) + "-" + std::to_string(n);
                write_file(plan, groups.folder(), name, octets);
                groups.join(std::move(name));
                taken[t].push_back(1000 * since(start));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const double seconds = since(began);
    std::vector<double> all;
    for (const auto& one : taken) all.insert(all.end(), one.begin(), one.end());
    std::sort(all.begin(), all.end());
    const auto at = [&](double part) {
        return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
    };
    std::printf("{\"done\": %zu, \"rate\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", all.size(),
                static_cast<double>(all.size()) / seconds, at(0.5), at(0.99));
    return 0;
}
