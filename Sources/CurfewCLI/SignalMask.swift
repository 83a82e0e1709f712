internal import Glibc

/// The signals that are blocked on a thread.
enum SignalMask {
    /// Runs a body with no signal blocked on this thread.
    ///
    /// A child inherits the signal mask of the thread that starts it, and the threads of Swift's tasks block most
    /// signals. A child started from one of them would not receive SIGTERM, and a shell would not notice the end of its
    /// own children. So processes are started in here.
    static func cleared<Value>(_ body: () throws -> Value) rethrows -> Value {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try body()
    }
}
