#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""The built command line on a miniature model: test-cli.py GESSO MODELS [unittest arguments]."""

import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from cli_case import GESSO, MODEL, MODELS, Case, Screen, environment, gesso, main, read_png, read_safetensors

NOTICE_MODEL = os.path.join(MODELS, 'ddim')  # another scheduler than PNDM: the engine has something to say
CANCEL_SECONDS = 0.3
# One thread everywhere: tests run side by side, and threads that wait for each other on busy cores take seconds.
# Enough work that nobody has to hurry to interrupt it.
ENDLESS = ['--steps', '900', '--images', '64', '--width', '128', '--height', '128']


class Usage(Case):
    def test_help(self):
        for args in (['--help'], ['-h'], ['generate', '--help'], ['generate', '-h'], ['info', '--help'],
                     ['plan', '--help'], ['models', '--help'], ['devices', '--help']):
            result = gesso(*args)
            self.check(result, 0)
            self.assertIn(b'Usage:', result.stdout, args)
            self.assertEqual(result.stderr, b'', args)

    def test_version(self):
        result = gesso('--version')
        self.check(result, 0)
        self.assertRegex(result.stdout, rb'\Agesso \d+\.\d+\.\d+\n\Z')

    def test_wrong_command_line(self):
        for args, message in (([], 'Usage:'),
                              (['paint'], '“paint”'),
                              (['--model', 'x', 'info'], '“--model”'),
                              (['generate', '--model', MODEL], '--prompt TEXT is missing'),
                              (['generate', '--model', MODEL, 'a', 'cat'], '--prompt'),
                              (['info', '--model', MODEL, '--nonsense'], '--nonsense'),
                              (['info', '--model'], '--model'),
                              (['models', '--model', MODEL], '--model'),
                              (['devices', '--model', MODEL], '--model')):
            self.check(gesso(*args), 2, message)

    def test_wrong_values(self):
        for args, message in ((['--guidance', '7,5'], 'decimal point'),
                              (['--guidance', 'nan'], '--guidance: “nan”'),
                              (['--steps', '99999999999'], '--steps: “99999999999” is too large'),
                              (['--seed', '-1'], '--seed: “-1”'),
                              (['--seed', '18446744073709551616'], '--seed'),
                              (['--max-memory', '2GB'], '--max-memory: “2GB”'),
                              (['--device', 'tpu'], 'auto, cpu, cuda'),
                              (['--precision', 'f8'], 'auto, f32, bf16, f16'),
                              (['--output', 'cat.jpg'], '.png')):
            error = self.check(self.generate(*args), 2, message)
            self.assertIn('Try “gesso generate --help”', error)
        self.assertEqual(os.listdir(self.folder), [])

    def test_values_the_library_refuses(self):
        for args in (['--steps', '0'], ['--steps', '-3'], ['--steps', '1001'], ['--width', '63'], ['--height', '-8'],
                     ['--images', '0'], ['--images', '65'], ['--scheduler', 'magic']):
            error = self.check(self.generate(*args), 2)
            self.assertNotIn('--help', error)
        self.assertEqual(os.listdir(self.folder), [])

    def test_threads(self):
        self.check(self.generate('--threads', '-1'), 2, 'The number of threads is -1')

    def test_no_model(self):
        self.check(self.generate(model=self.path('nowhere')), 1, 'nowhere')
        self.check(gesso('info', '--model', self.path('nowhere')), 1, 'nowhere')

    def test_what_a_file_says_is_shown_and_no_more(self):
        """Neither is a terminal told to do something, nor is a message as long as the file."""
        for file, key, value in (('model_index.json', 'unet', ['diffusers', '\x1b]0;mine\x07\u202e' + 'x' * 100000]),
                                 ('model_index.json', 'scheduler', ['diffusers', '\x1b[2J' + 'y' * 100000]),
                                 ('model_index.json', '_class_name', '\x1b[2J\u009b2J'),
                                 ('unet/config.json', 'act_fn', '\u009b2J' + 'z' * 100000),
                                 ('tokenizer/tokenizer_config.json', 'added_tokens_decoder', {'\x1b[2J' * 10000: {}})):
            model = self.path('model')
            shutil.copytree(MODEL, model)
            with open(os.path.join(model, file), encoding='utf-8') as stream:
                content = json.load(stream)
            with open(os.path.join(model, file), 'w', encoding='utf-8') as stream:
                json.dump({**content, key: value}, stream)
            for result in (gesso('info', '--model', model), self.generate('-o', 'a.png', model=model)):
                said = (result.stdout + result.stderr).decode()
                self.assertLess(len(said), 3000, said[:1000])
                for letter in '\x1b\x07\u202e\u009b':
                    self.assertNotIn(letter, said)
            shutil.rmtree(model)

    def test_models_of_other_kinds(self):
        for change, message in (({'in_channels': 9}, 'changes pictures or fills gaps'), (None, 'git lfs pull')):
            model = self.path('model')
            shutil.copytree(MODEL, model)
            path = os.path.join(model, 'unet', 'config.json')
            with open(path, encoding='utf-8') as stream:
                content = {**json.load(stream), **(change or {})}
            with open(path, 'w', encoding='utf-8') as stream:
                stream.write(json.dumps(content) if change else
                             'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n')
            self.check(gesso('info', '--model', model), 1, message)
            shutil.rmtree(model)

    def test_plan_says_what_is_needed(self):
        """A limit a little above the least that it prints is enough, one below is not."""
        said = gesso('plan', '--model', MODEL, '--device', 'cpu', '--max-memory', '1M').stdout.decode()
        least = float(re.search(r'Least memory, parts in turn: ([\d.]+).MiB', said)[1])
        for share, fits in ((0.8, False), (1.2, True)):
            limit = '%dK' % (least * share * 1024)
            said = gesso('plan', '--model', MODEL, '--device', 'cpu', '--max-memory', limit).stdout.decode()
            self.assertEqual('Does not fit' not in said, fits, said)

    def test_prompt_encodings(self):
        prompt = 'café 日本'
        for locale in ('C', 'C.UTF-8'):
            self.check(self.generate('--prompt', prompt.encode(), '-o', 'a.png', env=environment(LC_ALL=locale)), 0)
            self.assertIn(prompt, read_png(self.read('a.png'))[3]['parameters'][1])
        self.check(self.generate('--prompt', b'caf\xe9', env=environment(LC_ALL='C')), 2, '--prompt')


class Text(Case):
    def test_info(self):
        result = gesso('info', '--model', MODEL)
        self.check(result, 0)
        self.assertTrue(result.stdout.endswith(b'\n'))

    def test_plan(self):
        result = gesso('plan', '--model', MODEL, '--width', '64', '--height', '64', '--images', '2')
        self.check(result, 0)
        self.assertTrue(result.stdout.endswith(b'\n'))
        self.check(gesso('plan', '--model', MODEL, '--width', '63'), 2)

    def test_devices(self):
        result = gesso('devices')
        self.check(result, 0)
        self.assertTrue(result.stdout.endswith(b'\n'))

    def test_full_stdout(self):
        for args in (['info', '--model', MODEL], ['devices'], ['--version'], ['--help'], ['plan', '--model', MODEL]):
            with open('/dev/full', 'wb') as full:
                self.check(gesso(*args, stdout=full), 1, 'standard output')
        with open('/dev/full', 'wb') as full:
            self.check(self.generate('-o', 'a.png', stdout=full), 1, 'standard output')
        read_png(self.read('a.png'))


class Pictures(Case):
    def test_picture(self):
        result = self.generate('--output', 'a.png')
        error = self.check(result, 0)
        self.assertEqual(result.stdout, b'a.png\n')
        self.assertRegex(error, r'\ASeed: 7\n(.*\n)*1 picture in 0:\d\d\n\Z')
        self.assertNotIn('\r', error)  # no bar: stderr is no terminal
        width, height, pixels, texts = read_png(self.read('a.png'))
        self.assertEqual((width, height), (64, 64))
        kind, text = texts['parameters']
        self.assertEqual(kind, 'tEXt')
        self.assertTrue(text.startswith('a red circle\n'), text)
        for part in ('Steps: 2', 'Seed: 7', 'CFG scale: 7.5', 'Size: 64x64'):
            self.assertIn(part, text)
        self.assertEqual(os.listdir(self.folder), ['a.png'])

    def test_text_chunks(self):
        for prompt, kind in (('naïve ÿ', 'tEXt'), ('日本 🎨', 'iTXt')):
            self.check(self.generate('--prompt', prompt, '-n', 'grün', '-o', 'a.png'), 0)
            self.assertEqual(read_png(self.read('a.png'))[3]['parameters'][0], kind)
            text = read_png(self.read('a.png'))[3]['parameters'][1]
            self.assertTrue(text.startswith(prompt + '\n'), text)
            self.assertIn('Negative prompt: grün', text)

    def test_empty_prompt(self):
        self.check(self.generate('--prompt', '', '-o', 'a.png'), 0)
        read_png(self.read('a.png'))

    def test_several(self):
        result = self.generate('--images', '2', '--batch', '1', '--seed', '5', '--output', 'b.c.png')
        self.check(result, 0, '2 pictures in')
        self.assertEqual(result.stdout, b'b.c-1.png\nb.c-2.png\n')
        self.check(self.generate('--seed', '6', '--output', 'six.png'), 0)
        second, six = read_png(self.read('b.c-2.png')), read_png(self.read('six.png'))
        self.assertEqual(second, six)
        self.assertIn('Seed: 6', six[3]['parameters'][1])
        self.assertNotEqual(read_png(self.read('b.c-1.png'))[2], six[2])

    def test_batches_are_what_one_call_makes_of_them(self):
        """Five pictures, two at a time: seeds and pixels as of each alone, but for a level where a processor multiplies
        larger matrices in another order (seen with AVX2)."""
        self.check(self.generate('--images', '5', '--batch', '2', '--seed', '5', '-o', 'a.png'), 0)
        for i in range(5):
            self.check(self.generate('--seed', str(5 + i), '-o', 'one.png'), 0)
            *size, pixels, texts = read_png(self.read('a-%d.png' % (i + 1)))
            *size_of_one, pixels_of_one, texts_of_one = read_png(self.read('one.png'))
            self.assertEqual((size, texts), (size_of_one, texts_of_one))
            self.assertLessEqual(max(abs(a - b) for a, b in zip(pixels, pixels_of_one)), 1)
        self.check(self.generate('--images', '2', '--seed', str(2**64 - 1), '-o', 'b.png'), 0)

    def test_long_prompts(self):
        """What a model does not read is said, of what it would have read."""
        long = 'word ' * 90 + 'the end'
        for args, says in ((['--prompt', long], ['The prompt is longer']), (['--prompt', 'x' * 20], []),
                           (['--negative-prompt', long], ['The negative prompt is longer']),
                           (['--negative-prompt', long, '--guidance', '1'], [])):
            error = self.check(self.generate('-o', 'a.png', *args), 0)
            self.assertEqual([line[6:6 + len(says[0])] for line in error.splitlines() if 'is longer' in line], says, error)
        self.assertEqual(self.check(self.generate('-o', 'a.png', '--quiet', '--prompt', long), 0), '')

    def test_reader_goes_away(self):
        """As in "| head -1": the other pictures are written all the same."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            self.check(self.generate('--images', '3', '-o', 'a.png', stdout=writer), 1, 'standard output')
        finally:
            os.close(writer)
        self.assertEqual(sorted(os.listdir(self.folder)), ['a-1.png', 'a-2.png', 'a-3.png'])

    def test_number_padding(self):
        self.check(self.generate('--images', '10', '--width', '8', '--height', '8', '-o', 'a'), 0)
        self.assertEqual(sorted(os.listdir(self.folder)), ['a-%02d' % i for i in range(1, 11)])

    def test_default_name(self):
        for names in (['gesso-5.png', 'gesso-6.png'], ['gesso-5-2.png', 'gesso-6-2.png']):
            result = self.generate('--seed', '5', '--images', '2')
            self.check(result, 0)
            self.assertEqual(result.stdout.decode().split(), names)
        self.assertEqual(len(os.listdir(self.folder)), 4)

    def test_random_seed(self):
        seeds = set()
        for quiet in ([], ['--quiet']):
            error = self.check(self.generate('-o', 'a.png', *quiet, random=True), 0)
            seed = int(re.match(r'Seed: (\d+)\n', error)[1])
            self.assertLess(seed, 2**31)
            self.assertIn('Seed: %d,' % seed, read_png(self.read('a.png'))[3]['parameters'][1] + ',')
            seeds.add(seed)
        self.assertEqual(len(seeds), 2)

    def test_quiet(self):
        result = self.generate('-o', 'a.png', '--quiet', model=NOTICE_MODEL)
        self.assertEqual(self.check(result, 0), '')
        self.assertEqual(result.stdout, b'a.png\n')

    def test_notice(self):
        self.check(self.generate('-o', 'a.png', model=NOTICE_MODEL), 0, 'DDIM')
        self.check(gesso('plan', '--model', NOTICE_MODEL), 0, 'DDIM')

    def test_dump(self):
        self.check(self.generate('--images', '2', '-o', 'a.png', '--dump', 'd.safetensors', '-n', 'blue'), 0)
        header, data = read_safetensors(self.read('d.safetensors'))
        self.assertEqual(list(header), ['latents', 'noise', 'text', 'tokens', 'image'])
        self.assertEqual({name: entry['dtype'] for name, entry in header.items()},
                         {'latents': 'F32', 'noise': 'F32', 'text': 'F32', 'tokens': 'I32', 'image': 'U8'})
        shapes = {name: entry['shape'] for name, entry in header.items()}
        self.assertEqual(shapes['tokens'], [2, 77])
        self.assertEqual(shapes['text'][:2], [2, 77])
        self.assertEqual(shapes['noise'], shapes['latents'])
        self.assertEqual(shapes['noise'][0], 2)
        self.assertEqual(shapes['image'], [2, 64, 64, 3])
        end = 0
        for entry in header.values():
            count = 4 if entry['dtype'] != 'U8' else 1
            for n in entry['shape']:
                count *= n
            self.assertEqual(entry['data_offsets'], [end, end + count])
            end += count
        image = data[slice(*header['image']['data_offsets'])]
        self.assertEqual(image, read_png(self.read('a-1.png'))[2] + read_png(self.read('a-2.png'))[2])


class Files(Case):
    def test_found_before_the_work(self):
        with open(self.path('file'), 'wb'):
            pass
        os.mkdir(self.path('folder'))
        os.mkdir(self.path('sealed'))
        os.chmod(self.path('sealed'), 0o555)
        sealed = 'sealed/a.png' if os.geteuid() != 0 else '/proc/a.png'
        for name in ('nowhere/a.png', 'folder', 'file/a.png', sealed):
            for args in (['--output', name], ['-o', 'ok.png', '--dump', name]):
                error = self.check(self.generate(*args), 1, 'Cannot write “%s”' % name)
                self.assertNotIn('Seed', error)  # so nothing was begun
        self.assertEqual(sorted(os.listdir(self.folder)), ['file', 'folder', 'sealed'])

    def test_same_file_twice(self):
        self.check(self.generate('--images', '2', '-o', 'a.png', '--dump', './a-2.png'), 2, '--dump')
        os.mkdir(self.path('real'))
        for link, target in (('to-file.png', 'o.png'), ('to-link.png', 'to-file.png'), ('folder', 'real'),
                             ('b-1.png', 'b-2.png')):
            os.symlink(target, self.path(link))
        for output, dump in (('o.png', 'to-file.png'), ('to-link.png', 'o.png'), ('to-file.png', 'to-link.png'),
                             ('real/o.png', 'folder/o.png')):
            error = self.check(self.generate('-o', output, '--dump', dump), 2, '“%s” and “%s”' % (output, dump))
            self.assertNotIn('Seed', error)
        self.check(self.generate('--images', '2', '-o', 'b.png'), 2, '“b-1.png” and “b-2.png”')
        # Without a name of its own the picture makes way.
        self.check(self.generate('--seed', '5', '--dump', './gesso-5.png'), 0)
        self.assertEqual(read_png(self.read('gesso-5-2.png'))[:2], (64, 64))
        self.assertEqual(self.read('gesso-5.png')[8:9], b'{')
        self.check(self.generate('-o', 'o.png', '--dump', 'real/o.png'), 0)
        self.assertEqual(read_png(self.read('o.png'))[:2], read_png(self.read('to-link.png'))[:2])

    def test_full_disk(self):
        """A limit on file sizes stands for the full disk: the old file stays, nothing half-written appears."""
        with open(self.path('a.png'), 'wb') as file:
            file.write(b'precious')

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

        for args in (['-o', 'a.png'], ['-o', 'new.png'], []):
            result = self.generate(*args, preexec_fn=limit, restore_signals=False)
            self.check(result, 1, 'Cannot write')
            self.assertEqual(result.stdout, b'')
            self.assertEqual(os.listdir(self.folder), ['a.png'])
        self.assertEqual(self.read('a.png'), b'precious')

    def test_device_full(self):
        self.check(self.generate('-o', '/dev/full'), 1, 'Cannot write “/dev/full”')
        self.assertTrue(os.path.exists('/dev/full') and not os.path.isfile('/dev/full'))

    def test_names_that_are_none(self):
        for args, message in ((['-o', '-'], '/dev/stdout'), (['-o', 'a.png', '--dump', '-'], '/dev/stdout'), (['-o', '/dev/null', '--images', '2'], 'takes one picture')):
            self.check(self.generate(*args), 2, message)
        self.assertEqual(os.listdir(self.folder), [])
        self.check(self.generate('-o', './-'), 0)
        read_png(self.read('-'))

    def test_stdout(self):
        result = self.generate('-o', '/dev/stdout')
        self.check(result, 0)
        self.assertEqual(read_png(result.stdout)[:2], (64, 64))

    def test_replaces_and_follows_links(self):
        with open(self.path('real.png'), 'wb') as file:
            file.write(b'old')
        os.symlink('real.png', self.path('link.png'))
        self.check(self.generate('-o', 'link.png'), 0)
        self.assertTrue(os.path.islink(self.path('link.png')))
        read_png(self.read('real.png'))

    def test_mode_follows_umask(self):
        self.check(self.generate('-o', 'a.png', umask=0o027), 0)
        self.assertEqual(os.stat(self.path('a.png')).st_mode & 0o777, 0o640)


class Cancel(Case):
    def start(self, *args, **options):
        process = subprocess.Popen([GESSO, 'generate', '--model', MODEL, '--prompt', 'x', '--seed', '1', '-o', 'a.png',
                                    '--threads', '1', *ENDLESS, *args], cwd=self.folder, env=environment(TERM='xterm'),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=options.get('stderr', subprocess.PIPE))
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        return process

    def interrupt(self, number, after, times=1):
        process = self.start()
        with process.stderr as stderr:
            self.assertEqual(stderr.readline(), b'Seed: 1\n')
            time.sleep(after)
            start = time.monotonic()
            for _ in range(times):
                process.send_signal(number)
            status = process.wait(timeout=30)
            seconds = time.monotonic() - start
            error = stderr.read()
        self.assertEqual(status, 130)
        self.assertEqual(os.listdir(self.folder), [])
        if times == 1:
            self.assertTrue(error.endswith(b'gesso: cancelled\n'), error)
        return seconds

    def test_cancel(self):
        # The median: this may run beside other tests.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            seconds = sorted(self.interrupt(number, after) for after in (0.05, 0.3, 0.6))
            self.assertLess(seconds[1], CANCEL_SECONDS, seconds)

    def test_what_is_finished_stays(self):
        process = self.start('--steps', '20', '--width', '64', '--height', '64')
        names = [process.stdout.readline().decode().strip() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        names += process.stdout.read().decode().split()
        with process.stderr as stderr:
            error = stderr.read().decode()
        self.assertEqual(process.wait(timeout=30), 130)
        self.assertEqual(sorted(os.listdir(self.folder)), names)
        self.assertLess(len(names), 64)
        for name in names:
            read_png(self.read(name))
        self.assertTrue(error.endswith('gesso: cancelled\n%d pictures were written before.\n' % len(names)), error)

    def test_outlives_the_terminal_where_asked_to(self):
        process = subprocess.Popen(['nohup', GESSO, 'generate', '--model', MODEL, '--prompt', 'x', '--steps', '300',
                                    '--width', '64', '--height', '64', '-o', 'a.png', '--seed', '1'], cwd=self.folder,
                                   env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        with process.stdout as stdout, process.stderr as stderr:
            self.assertEqual(stderr.readline(), b'Seed: 1\n')
            process.send_signal(signal.SIGHUP)
            self.assertEqual(stdout.read(), b'a.png\n')
        self.assertEqual(process.wait(timeout=60), 0)

    def test_twice(self):
        self.interrupt(signal.SIGINT, 0.2, times=2)


class Terminal(Case):
    def run_on_terminal(self, columns, *args, interrupt=False, **more):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        process = subprocess.Popen([GESSO, 'generate', '--model', MODEL, '--prompt', 'x', '--seed', '1', '-o', 'a.png',
                                    '--width', '128', '--height', '128', '--threads', '1', *args], cwd=self.folder,
                                   env=environment(**{'TERM': 'xterm', **more}), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=slave)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        os.close(slave)
        written = b''
        while True:
            ready = select.select([master], [], [], 60)[0]
            try:
                part = os.read(master, 4096) if ready else b''
            except OSError:  # the other end is closed
                part = b''
            if not part:
                break
            written += part
            if interrupt and b'Painting' in written:
                process.send_signal(signal.SIGINT)
                interrupt = False
        os.close(master)
        return process.wait(timeout=30), written.decode().replace('\r\n', '\n')

    def test_bar(self):
        status, written = self.run_on_terminal(100, '--steps', '900')
        self.assertEqual(status, 0, written)
        screen = Screen(written)
        self.assertEqual(screen.current, '')  # taken away at the end
        self.assertEqual(screen.lines[0], 'Seed: 1')
        self.assertRegex(screen.lines[-1], r'^1 picture in \d+:\d\d$')
        self.assertFalse([line for line in screen.lines if '%' in line])
        bars = [state for state in screen.states if '%' in state]
        self.assertTrue(any(re.search(r'Painting, step \d+/\d+  [█░]+ +\d+%', bar) for bar in bars), bars)
        self.assertLess(max(map(len, screen.states)), 100)
        percents = [int(re.search(r'(\d+)%', bar)[1]) for bar in bars]
        self.assertEqual(percents, sorted(percents))
        # Nothing is drawn that stands there already: a redraw would flicker.
        self.assertFalse([1 for a, b in zip(screen.states, screen.states[1:]) if a == b])

    def test_bar_of_several(self):
        """Steps are those asked for, of each picture; the bar is of all, and names do not get into it."""
        status, written = self.run_on_terminal(100, '--steps', '900', '--images', '3', '--batch', '2')
        self.assertEqual(status, 0, written)
        bars = [state for state in Screen(written).states if '%' in state]
        steps = [re.search(r'step (\d+)/(\d+), pictures? ([\d-]+)/3', bar) for bar in bars]
        self.assertEqual({found[2] for found in steps if found}, {'900'})
        self.assertEqual({found[3] for found in steps if found}, {'1-2', '3'})
        percents = [int(re.search(r'(\d+)%', bar)[1]) for bar in bars]
        self.assertEqual(percents, sorted(percents))
        self.assertFalse([bar for bar in bars if '.png' in bar])

    def test_narrow(self):
        for columns in (4, 12, 30):
            status, written = self.run_on_terminal(columns, '--steps', '300')
            self.assertEqual(status, 0, written)
            self.assertLess(max(map(len, Screen(written).states)), columns)

    def test_no_bar(self):
        for args, more in ((['--quiet'], {}), ([], {'TERM': 'dumb'})):
            status, written = self.run_on_terminal(100, '--steps', '20', *args, **more)
            self.assertEqual(status, 0, written)
            self.assertNotIn('\x1b', written)
            self.assertNotIn('%', written)

    def test_ascii(self):
        status, written = self.run_on_terminal(100, '--steps', '900', LC_ALL='C')
        self.assertEqual(status, 0, written)
        self.assertTrue(written.isascii())
        self.assertRegex(written, r'Painting, step \d+/\d+  [#-]+ +\d+%')

    def test_cancel(self):
        status, written = self.run_on_terminal(100, *ENDLESS, interrupt=True)
        self.assertEqual(status, 130, written)
        screen = Screen(written)
        self.assertTrue(any('Cancelling' in state for state in screen.states), written)
        self.assertEqual(screen.current, '')
        self.assertEqual(screen.lines[-1], 'gesso: cancelled')
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == '__main__':
    main()
