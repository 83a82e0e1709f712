package import Curfew
internal import Synchronization

/// The engine in force: it changes when the configuration is read again.
package final class EngineSource: Sendable {
    private let state: Mutex<Engine>

    /// Begins with this engine.
    package init(_ engine: Engine) {
        state = Mutex(engine)
    }

    /// The engine in force now.
    package var current: Engine { state.withLock { $0 } }

    /// Puts another one in force.
    package func replace(with engine: Engine) {
        state.withLock { $0 = engine }
    }
}
