internal import Foundation
internal import Glibc
internal import Synchronization

/// A program started by a test, which dies when the test process dies, however that dies.
///
/// A small shell stands between: it waits for the program and for its own standard input. That is a pipe from the test
/// process, so that it ends when the test process does, and the program is then killed.
package final class ChildProcess: Sendable {
    private static let script = """
        output=$1; shift; exec 3<&0 2>/dev/null
        "$@" >>"$output" 2>&1 </dev/null 3<&- & child=$!
        ( read -r _ <&3; kill -KILL $child 2>/dev/null ) & guard=$!
        exec 3<&-; echo $child
        wait $child; status=$?
        kill $guard 2>/dev/null; exit $status
        """

    /// One start at a time: a pipe must not slip into another child between being made and being marked.
    private static let turn = Mutex(())

    /// The program itself.
    package let identifier: Int32
    private let shell: pid_t
    private let lifeline: CInt
    private let status = Mutex<CInt?>(nil)

    /// Starts a program found in `PATH`, its output going to a file.
    package convenience init(_ arguments: [String], output: String) throws {
        let started = try Self.turn.withLock { _ in try Self.start(arguments, output) }
        self.init(started)
    }

    private init(_ started: (identifier: pid_t, shell: pid_t, lifeline: CInt)) {
        (identifier, shell, lifeline) = started
    }

    private static func start(
        _ arguments: [String],
        _ output: String
    ) throws -> (identifier: pid_t, shell: pid_t, lifeline: CInt) {
        let input = try Self.makePipe()
        let answer = try Self.makePipe()
        defer {
            close(input.read)
            close(answer.read)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        var attributes = try cleanSignals()
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, answer.write, STDOUT_FILENO)
        var words = (["sh", "-c", Self.script, "sh", output] + arguments).map { strdup($0) }
        words.append(nil)
        defer { words.forEach { free($0) } }
        var shell = pid_t()
        let failure = posix_spawnp(&shell, "sh", &actions, &attributes, words, environ)
        // Once: right after, the number may be that of a descriptor of somebody else's.
        close(answer.write)
        guard failure == 0 else {
            close(input.write)
            throw ChildProcessError("sh cannot be started: \(String(cString: strerror(failure)))")
        }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = read(answer.read, &bytes, bytes.count)
        guard let child = pid_t(String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != 10 }, as: UTF8.self)) else {
            close(input.write)
            throw ChildProcessError("sh did not start \(arguments[0])")
        }
        return (child, shell, input.write)
    }

    deinit {
        // The shell sees the end of its input, kills the program and goes; the test process reaps it at its own end.
        close(lifeline)
    }

    /// Whether the program still runs.
    package var isRunning: Bool { reap(WNOHANG) == nil }

    /// Sends a signal to the program.
    package func signal(_ number: CInt) {
        guard isRunning else { return }
        Glibc.kill(identifier, number)
    }

    /// Waits for the program to end and answers its exit status.
    @discardableResult
    package func wait() async -> CInt {
        await withCheckedContinuation { continuation in
            // A thread of its own: a queue's threads are few, and others wait for them too.
            Thread.detachNewThread { continuation.resume(returning: self.reap(0) ?? -1) }
        }
    }

    private func reap(_ options: CInt) -> CInt? {
        status.withLock { status in
            if status == nil {
                var raw = CInt()
                if waitpid(shell, &raw, options) == shell { status = (raw >> 8) & 0xff }
            }
            return status
        }
    }

    /// No signal blocked or ignored.
    ///
    /// The threads that run tests block most of them, and a child inherits that: it would not hear SIGTERM, and its shell
    /// would not hear of its end.
    private static func cleanSignals() throws -> posix_spawnattr_t {
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        var ignored = sigset_t()
        sigemptyset(&none)
        sigemptyset(&ignored)
        sigaddset(&ignored, SIGPIPE)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        guard posix_spawnattr_init(&attributes) == 0,
            posix_spawnattr_setsigmask(&attributes, &none) == 0,
            posix_spawnattr_setsigdefault(&attributes, &ignored) == 0,
            posix_spawnattr_setflags(&attributes, flags) == 0
        else { throw ChildProcessError("no attributes for a child") }
        return attributes
    }

    private static func makePipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else { throw ChildProcessError("no pipe") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }
}

/// Why a program could not be started or did not do its work.
package struct ChildProcessError: Error, CustomStringConvertible {
    /// What happened.
    package let description: String

    /// An error with a text.
    package init(_ description: String) {
        self.description = description
    }
}
