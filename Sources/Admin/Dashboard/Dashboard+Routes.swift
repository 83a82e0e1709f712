internal import Curfew
internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import Policies
internal import RedisClient
internal import ServiceLifecycle

extension Dashboard {
    /// Adds the routes: pages for viewers, actions for admins, and the sign-in page.
    package func addRoutes(to router: Router<AdminContext>) {
        for asset in Asset.all {
            router.get("assets/\(asset.name)") { request, _ in asset.response(to: request) }
        }
        let pages = router.group().add(middleware: PageErrors())
            .add(middleware: Identification(access: access))
        let visiting = Visiting(access: access)
        addSignIn(to: pages.group().add(middleware: visiting))
        let looking = pages.group().add(middleware: PageAccess(access: access, role: .viewer))
            .add(middleware: OnReaderThreads()).add(middleware: visiting)
        addLists(to: looking)
        addPages(to: looking)
        addRecords(to: looking)
        addCharts(to: looking)
        addLive(to: looking)
        addActions(
            to: pages.group().add(middleware: PageAccess(access: access, role: .admin))
                .add(middleware: OnReaderThreads()).add(middleware: visiting))
    }

    private var names: [String] { service.engine.configuration.cleanups.map(\.name) }

    private func addPages(to router: some RouterMethods<AdminContext>) {
        router.get("cleanups/:name") { [self] request, context in
            let view = try await CleanupView.read(context.name("name"), service, reader)
            return answer(request, context) { CleanupPage.html(view, names: names, $0) }
        }
        router.get("cleanups/:name/runs") { [self] request, context in
            let older = try Self.streamID(request.uri.queryParameters["before"].map(String.init))
            let view = try await CleanupView.read(context.name("name"), service, reader, older: older)
            return answer(request, context) { CleanupPage.olderRuns(view, names: names, $0) }
        }
        router.get("cleanups/:name/preview") { [self] request, context in
            let name = try context.name("name")
            // Only an admin can run what is previewed.
            guard context.role == .admin else {
                let result = try await service.preview(name)
                return answer(request, context) { PreviewPage.html(result, nil, names: names, $0) }
            }
            let (result, plan) = try await service.plan(name)
            let removes = service.engine.configuration.cleanup(named: name)?.removesRecords == true
            let form = try PlanForm(plan, removes: removes)
            return answer(request, context) { PreviewPage.html(result, form, names: names, $0) }
        }
        router.get("cleanups/:name/stats") { [self] request, context in
            let statistics = try await service.stats(context.name("name"))
            return answer(request, context) { StatisticsPage.html(statistics, names: names, $0) }
        }
        router.get("runs/:run") { [self] request, context in
            let (run, undos) = try await service.runWithUndos(context.name("run"))
            let (changes, hasMore) = try await events(of: run, areErrors: false)
            let (errors, _) = try await events(of: run, areErrors: true)
            let now = try await service.engine.serverClock().now
            let content = RunPage.Content(
                run: run, changes: changes, hasMore: hasMore, errors: errors, undos: undos,
                isConfigured: service.engine.configuration.cleanup(named: run["cleanup"] ?? "") != nil)
            return answer(request, context) { RunPage.html(content, now: now, names: names, $0) }
        }
    }

    private func addCharts(to router: some RouterMethods<AdminContext>) {
        router.get("charts") { [self] request, context in
            let query = try Query(request, known: ["range", "cleanup"])
            let words = ChartRange.allCases.map(\.rawValue)
            let text = query.text("range") ?? ChartRange.day.rawValue
            guard let range = ChartRange(rawValue: text) else {
                throw AdminError(
                    .badRequest, "range: expected one of \(words.joined(separator: ", ")), found “\(text)”")
            }
            let cleanup = query.text("cleanup")
            let engine = service.engine
            let now = try await engine.serverClock().now
            let own =
                if let cleanup { [try await service.cleanup(cleanup).cleanup] } else { try await service.cleanups() }
            let due = own.compactMap(\.backlog)
            let subject = ChartsPage.Subject(
                range: range, cleanup: cleanup, dueNow: due.isEmpty ? nil : due.reduce(0) { $0 + Int64($1) },
                kept: engine.configuration.streams.metrics)
            let hours =
                range == .day
                ? try await reader.measured(engine, now: now) : try await reader.measuredLong(engine, now: now)
            return answer(request, context) { ChartsPage.html(hours, subject, now: now, names: names, $0) }
        }
    }

    private func addRecords(to router: some RouterMethods<AdminContext>) {
        router.get("records") { [self] request, context in
            let query = try Query(request, known: ["id", "cleanup", "before"])
            let cleanup = query.text("cleanup").flatMap { $0.isEmpty ? nil : $0 }
            let question = RecordPage.Question(
                id: query.text("id") ?? "", cleanup: cleanup, before: try Self.streamID(query.text("before")))
            guard !question.id.isEmpty else { return answer(request, context) { RecordPage.form(names: names, $0) } }
            do {
                let history = try await service.record(
                    question.id, cleanup: cleanup, .init(limit: RecordHistory.mostListed, cursor: question.before))
                let now = try await service.engine.serverClock().now
                return answer(request, context) { RecordPage.html(history, question, now: now, names: names, $0) }
            } catch let error as AdminError where error.status == .notFound {
                var response = answer(request, context) {
                    RecordPage.nothing(question, error.message, names: names, $0)
                }
                response.status = .notFound
                return response
            }
        }
    }

    /// The newest changes of a run, or its errors, located by the run's time so that few events of other runs are read.
    private func events(of run: [String: String], areErrors: Bool) async throws -> ([StreamEntry], Bool) {
        let engine = service.engine
        let started = run["started_ms"] ?? run["acquired_ms"] ?? "0"
        let finished = run["finished_ms"].flatMap { Int64($0) }
        let page = try await History(engine: engine).page(
            of: engine.keys.events, RunPage.most, before: finished.map { "\($0 &+ 1_000)-0" },
            from: Int64(started).map { String(max(0, $0)) } ?? "0"
        ) { event in
            guard event["run"] == run["run"], !(event["record"] ?? "").isEmpty else { return false }
            return (event["action"] == Change.errorAction) == areErrors
        }
        return (page.entries, page.next != nil)
    }

    private static let events = "text/event-stream"

    private func addLive(to router: some RouterMethods<AdminContext>) {
        router.get("live") { [self] request, context -> Response in
            let text = request.uri.queryParameters["page"].map(String.init) ?? ""
            guard let subject = LiveSubject(text: text) else {
                throw AdminError(.badRequest, "page: expected overview or cleanup:NAME, found “\(text)”")
            }
            if case .cleanup(let name) = subject { _ = try await service.cleanup(name) }
            // A page that connects again says what it has been sent since it was loaded.
            let version =
                HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
                ?? request.uri.queryParameters["seen"].map(String.init)
            guard request.method == .get else { return Response(status: .ok, headers: [.contentType: Self.events]) }
            let channel = context.channel
            guard
                let watched = feed.watch(
                    subject, by: context.pass, at: version, drop: { channel.close(promise: nil) })
            else {
                throw AdminError(
                    .serviceUnavailable, "too many pages are open on this instance: close one and try again",
                    headers: [.retryAfter: "30"])
            }
            let feed = feed
            return Response(
                status: .ok, headers: [.contentType: Self.events, .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    defer { feed.leave(watched.id) }
                    try await writer.write(ByteBuffer(string: "retry: 5000\n\n"))
                    // The server waits for open answers when it shuts down, and this one doesn't end by itself.
                    try await withGracefulShutdownHandler {
                        for await message in watched.messages { try await writer.write(message) }
                    } onGracefulShutdown: {
                        feed.leave(watched.id)
                    }
                    try await writer.finish(nil)
                })
        }
    }

    private func addSignIn(to router: some RouterMethods<AdminContext>) {
        router.get("sign-in") { [self] request, context in
            guard context.role == nil else { return Self.redirect(to: Link.home) }
            guard access.settings.hasTokens else { throw access.missing }
            return answer(request, context) { SignInPage.html($0) }
        }
        router.post("sign-in") { [self] request, context in
            guard access.settings.hasTokens else { throw access.missing }
            do {
                let form = try await signInForm(request, context)
                let cookie = try await access.signIn(token: form["token"] ?? "", request, context)
                return Self.redirect(to: Link.home, cookies: [cookie])
            } catch let error as AdminError where [.unauthorized, .tooManyRequests].contains(error.status) {
                var response = answer(request, context) { SignInPage.html($0, refusal: error.message) }
                response.status = error.status
                response.headers.append(contentsOf: error.headers)
                return response
            }
        }
        router.post("sign-out") { [self] request, context in
            let form = try await FormBody(request, upTo: FormBody.mostToSignIn)
            try context.visit?.check(form["form_token"])
            try await access.signOut(request, context)
            let end = Session.header("", age: 0, isHTTPS: context.isHTTPS)
            return Self.redirect(to: Link.signIn, cookies: [end])
        }
    }

    /// Reads the sign-in form.
    ///
    /// A form with other fields counts as a wrong token, and only a short one is read.
    private func signInForm(_ request: Request, _ context: AdminContext) async throws -> FormBody {
        do {
            let form = try await FormBody(
                request, upTo: access.isSlowed(context) ? FormBody.mostToSignIn / 2 : FormBody.mostToSignIn)
            try context.visit?.check(form["form_token"])
            return form
        } catch let error as AdminError {
            throw access.refuseForm(error, context)
        }
    }

    private func addActions(to router: some RouterMethods<AdminContext>) {
        router.post("cleanups/:name/run") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, form in
                let limit = try form.integer("limit", in: ActionRoutes.limits)
                var options = Control.RunOptions(
                    dryRun: form["dryRun"] != nil, limit: limit, keepsTrash: form["noTrash"] == nil)
                if form["overrideGuard"] != nil {
                    options.overrideGuard = true
                    options.why = try Self.reason(form, "overrideReason")
                }
                return Self.notice(try await self.service.run(name, options, by: context.person))
            }
        }
        router.post("cleanups/:name/plan") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, form in
                let plan = try PlanForm.plan(form, for: try self.service.configured(name))
                return Self.notice(try await self.service.run(name, .init(plan: plan), by: context.person))
            }
        }
        router.post("cleanups/:name/forget") { [self] request, context in
            try await act(request, context, "name", { _, _ in Link.home }) { name, _ in
                let engine = self.service.engine
                let answer = try await Control(engine: engine, person: context.person).forget(name)
                return Notice(answer.message + ".")
            }
        }
        router.post("cleanups/:name/pause") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, form in
                let why = try Self.reason(form)
                return Self.notice(try await self.service.pause(name, why: why, by: context.person))
            }
        }
        router.post("cleanups/:name/resume") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, _ in
                Self.notice(try await self.service.resume(name, by: context.person))
            }
        }
        router.post("cleanups/:name/cancel") { [self] request, context in
            try await act(request, context, "name", Link.cleanup) { name, _ in
                Self.notice(try await self.service.cancel(name, by: context.person))
            }
        }
        router.post("runs/:run/undo") { [self] request, context in
            try await act(request, context, "run", Link.run) { run, form in
                Self.notice(try await self.service.undo(run, record: form["record"], by: context.person))
            }
        }
    }

    /// Performs the action of a form after checking its code, then redirects to the page it belongs to.
    private func act(
        _ request: Request, _ context: AdminContext, _ parameter: String, _ link: (String, String) -> String,
        _ deed: (String, FormBody) async throws -> Notice
    ) async throws -> Response {
        let subject = try context.name(parameter)
        let form = try await FormBody(request)
        guard let visit = context.visit else { throw Access.forbidden }
        try visit.check(form["form_token"])
        let notice = try await deed(subject, form)
        let record = form["record"].flatMap { Link.record($0, of: form["cleanup"]) }
        return Self.redirect(to: record ?? link(subject, ""), cookies: [visit.header(notice)])
    }

    /// The reason that a form must give.
    private static func reason(_ form: FormBody, _ name: String = "why") throws(AdminError) -> String {
        let why = form[name] ?? ""
        guard !why.readable.allSatisfy(\.isWhitespace), why.readable.unicodeScalars.count <= 500 else {
            throw AdminError(.badRequest, "\(name): expected a reason of 1 to 500 characters")
        }
        return why
    }

    private static func notice(_ result: RunResult) -> Notice {
        Notice(result.message, isRefusal: !result.isSuccess)
    }

    private static func notice(_ done: AdminService.Done) -> Notice {
        Notice(done.message + ".", isRefusal: !done.success)
    }
}
