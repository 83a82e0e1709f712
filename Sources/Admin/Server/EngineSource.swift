package import Curfew
internal import Synchronization

/// The current engine, which changes when the configuration is reloaded.
package final class EngineSource: Sendable {
    private let state: Mutex<(engine: Engine, replaced: Int)>

    /// Starts with this engine.
    package init(_ engine: Engine) {
        state = Mutex((engine, 0))
    }

    /// The current engine.
    package var current: Engine { state.withLock { $0.engine } }

    /// How often the engine was replaced.
    var replaced: Int { state.withLock { $0.replaced } }

    /// Replaces the engine.
    package func replace(with engine: Engine) {
        state.withLock { $0 = (engine, $0.replaced + 1) }
    }
}
