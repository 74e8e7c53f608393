"""A small file system of its own, in a file, for the rigs that fill it or take it away."""
import os, shutil, subprocess, sys

SIZE = 64 * 2**20
PIECE = bytes(2**16)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def own_mounts():
    """From here on what this program mounts is seen by it and its children alone, and goes with them; where that can be had."""
    if "HEARTH_OWN_MOUNTS" in os.environ or not shutil.which("unshare") or run("unshare", "--mount", "true").returncode != 0:
        return
    os.environ["HEARTH_OWN_MOUNTS"] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


class Disk:
    """ext4 in a file below `work`, mounted at `work`/disk. `reason`: why it is not, or empty."""

    def __init__(self, work):
        self.image, self.at, self.work = f"{work}/image", f"{work}/disk", work
        self.filler = f"{self.at}/somebody-elses"
        os.mkdir(self.at)
        with open(self.image, "wb") as image:
            image.truncate(SIZE)
        self.reason = ""
        # Blocks as on bigger disks: SQLite takes them to be no smaller where it reserves room for its shared memory.
        made = run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", self.image)
        self.reason = made.stderr.strip() if made.returncode else self.mount()

    def mount(self):
        done = run("mount", "-o", "loop,errors=remount-ro", self.image, self.at)
        return "" if done.returncode == 0 else done.stderr.strip().replace("\n", " ") or "mount failed"

    def abort(self):
        """The file system stops as after an error of its journal: what was not flushed is lost, and nothing is written any more."""
        done = run("mount", "-o", "remount,abort", self.at)
        return "" if done.returncode == 0 else done.stderr.strip()

    def fail(self):
        """As if the kernel had found it damaged: it turns read-only at once, and is not made writable again but by repair()."""
        number = os.stat(self.at).st_dev
        device = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        try:
            with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as trigger:
                trigger.write("1")
        except OSError as error:
            return str(error)
        return ""

    def repair(self):
        """What abort() or fail() left; the journal is replayed, as after a power cut."""
        done = run("e2fsck", "-p", "-f", self.image)
        return "" if done.returncode in (0, 1) else (done.stdout + done.stderr).strip()

    def detach(self):
        """Nobody finds it any more; who has it open goes on with it."""
        done = run("umount", "-l", self.at)
        return "" if done.returncode == 0 else done.stderr.strip()

    def cover(self):
        """An empty file system is mounted over it."""
        done = run("mount", "-t", "tmpfs", "none", self.at)
        return "" if done.returncode == 0 else done.stderr.strip()

    def free(self):
        facts = os.statvfs(self.at)
        return facts.f_bavail * facts.f_frsize

    def fill(self, leave=0):
        """A file of somebody else takes all but `leave` octets."""
        with open(self.filler, "ab", buffering=0) as file:
            piece = PIECE
            while piece and self.free() > leave:
                try:
                    file.write(piece[:max(1, min(len(piece), self.free() - leave))])
                except OSError:
                    piece = piece[:len(piece) // 2]
            os.fsync(file.fileno())

    def give_back(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)
        os.sync()

    def remove(self):
        while os.path.ismount(self.at) and run("umount", self.at).returncode == 0:
            pass
        if os.path.ismount(self.at):
            self.detach()
