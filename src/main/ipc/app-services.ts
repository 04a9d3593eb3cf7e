import { assertUnreachable } from '../../shared/base/assert';
import type { ServiceAnswer, ServiceRequest } from '../jobs/worker-messages';
import { sweepLeftovers } from '../files/leftovers';
import { ProgramServer } from '../processes/remote-programs';
import { GpuWindow } from '../windows/gpu-window';
import type { WorkerServices } from './job-service';
import { startUtilityProgram } from './utility-program';

/** What main does for the job worker, of which there is one at a time: it holds the GPU window and starts llama.cpp. */
export class AppServices implements WorkerServices {
  private answer: ((message: ServiceAnswer) => void) | undefined;
  private readonly window = new GpuWindow((event) => this.answer?.({ kind: 'gpu', event }));
  private programs: ProgramServer | undefined;

  receive(request: ServiceRequest, answer: (message: ServiceAnswer) => void): void {
    this.answer = answer;
    switch (request.kind) {
      case 'gpu':
        return void this.window.post(request.message);
      case 'program':
        this.programs ??= new ProgramServer(startUtilityProgram, (news) => answer({ kind: 'program', news }));
        return this.programs.receive(request.order);
      default:
        return assertUnreachable(request);
    }
  }

  async workerGone(): Promise<void> {
    const { programs } = this;
    this.answer = undefined;
    this.programs = undefined;
    await Promise.all([this.window.close('The job worker stopped.'), programs?.dispose()]);
    sweepLeftovers();
  }
}
