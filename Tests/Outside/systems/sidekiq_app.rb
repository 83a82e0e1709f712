# Sidekiq's jobs, and its own API on standard input and output: a line of JSON in, a line of JSON out.

require "json"
require "sidekiq"
require "sidekiq/api"

FOLDER = ENV.fetch("ADOPTION_FOLDER")
REDIS = { url: "redis://127.0.0.1:#{ENV.fetch("ADOPTION_PORT")}/0" }
Sidekiq.configure_client { |config| config.redis = REDIS }
Sidekiq.configure_server { |config| config.redis = REDIS }

# Debian's Sidekiq calls Debian's client of Redis in ways that this one warns of.
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Redis.sadd_returns_boolean = false if Redis.respond_to?(:sadd_returns_boolean=)

def write(what, name)
  File.open(File.join(FOLDER, "journal"), "a") { |journal| journal.syswrite("#{what} #{name}\n") }
end

class Ok
  include Sidekiq::Worker
  def perform(name)
    write("start", name)
    write("end", name)
  end
end

class Boom
  include Sidekiq::Worker
  def perform(name)
    write("start", name)
    raise ArgumentError, name
  end
end

class Held
  include Sidekiq::Worker
  def perform(name)
    write("start", name)
    sleep 0.02 while File.exist?(File.join(FOLDER, "hold"))
    write("end", name)
  end
end

# All that its dashboard shows of jobs, each as [place, error].
def places
  found = Hash.new { |hash, name| hash[name] = [] }
  Sidekiq::Queue.all.each { |queue| queue.each { |job| found[job.args[0]] << ["queued", nil] } }
  Sidekiq::Workers.new.each do |_, _, work|
    job = work["payload"]
    job = JSON.parse(job) if job.is_a?(String)
    found[job["args"][0]] << ["busy", nil]
  end
  { "dead" => Sidekiq::DeadSet.new, "retry" => Sidekiq::RetrySet.new, "scheduled" => Sidekiq::ScheduledSet.new }
    .each { |place, set| set.each { |job| found[job.args[0]] << [place, job["error_message"]] } }
  found
end

def answer(question)
  case question["ask"]
  when "push"
    Sidekiq::Client.push({ "class" => question["class"], "args" => [question["name"]] }.merge(question["options"]))
  when "places" then places
  when "clean" then Sidekiq::ProcessSet.new.size
  when "stats"
    stats = Sidekiq::Stats.new
    { "enqueued" => stats.enqueued, "busy" => Sidekiq::Workers.new.size, "dead" => stats.dead_size,
      "scheduled" => stats.scheduled_size, "retry" => stats.retry_size, "processes" => Sidekiq::ProcessSet.new.size }
  end
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  while (line = $stdin.gets)
    puts JSON.generate([answer(JSON.parse(line))])
  end
end
