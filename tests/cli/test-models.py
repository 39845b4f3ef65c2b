#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Installed models and the command line: test-models.py GESSO MODELS [unittest arguments]."""

import os
import re
import shutil

from cli_case import GESSO, MODEL, Case, environment, gesso, main, read_png


class Models(Case):
    def setUp(self):
        super().setUp()
        self.home = self.path('home')
        os.mkdir(self.home)

    def environment(self, **more):
        """Nothing of this machine's user; what an installed Gesso brings along cannot be kept out."""
        return environment(HOME=self.home, XDG_DATA_HOME=self.path('home/data'), XDG_CACHE_HOME=self.path('home/cache'),
                           **more)

    def install(self, *path):
        folder = os.path.join(self.folder, *path)
        shutil.copytree(MODEL, folder)
        return folder

    def test_list(self):
        starter = self.install('models', 'starter')
        mine = self.install('home', 'data', 'gesso', 'models', 'mine')
        cached = self.install('home', 'cache', 'huggingface', 'hub', 'models--nota-ai--tiny', 'snapshots', 'abc')
        result = gesso('models', env=self.environment(GESSO_MODELS_PATH=self.path('models')))
        self.assertEqual(self.check(result, 0), '')
        lines = [re.split(r'  +', line) for line in result.stdout.decode().splitlines() if self.folder in line]
        self.assertEqual([line[0] for line in lines], ['starter', 'mine', 'nota-ai/tiny'])
        self.assertEqual([line[2] for line in lines], ['comes with Gesso; the default', 'your models folder', 'Hugging Face cache'])
        self.assertEqual([line[3] for line in lines], [starter, mine, cached])
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(MODEL) for name in names)
        self.assertTrue(all(line[1] == '%.1f\xa0kB' % (size / 1000) for line in lines), (size, lines))

    def test_none(self):
        result = gesso('models', env=self.environment())
        self.check(result, 0)
        if b'No model' not in result.stdout:
            self.skipTest('Gesso is installed here with a model')
        self.assertIn(self.path('home/data/gesso/models').encode(), result.stdout)
        for args in (['info'], ['generate', '--prompt', 'x']):
            result = gesso(*args, env=self.environment(), cwd=self.folder)
            error = self.check(result, 1, 'starter model is not installed')
            self.assertIn(self.path('home/data/gesso/models'), error)
        self.assertEqual(os.listdir(self.folder), ['home'])

    def test_starter(self):
        self.install('models', 'starter')
        env = self.environment(GESSO_MODELS_PATH=self.path('models'))
        result = gesso('generate', '--prompt', 'x', '--steps', '1', '--threads', '1', '-o', 'a.png', cwd=self.folder,
                       env=env)
        self.check(result, 0)
        self.assertIn('Model: starter', read_png(self.read('a.png'))[3]['parameters'][1])
        for command in ('info', 'plan'):
            result = gesso(command, env=env)
            self.check(result, 0)
            self.assertIn(b'starter', result.stdout)

    def test_name_that_reads_as_more_than_one_value(self):
        self.install('a, "b": c')
        result = gesso('generate', '--model', './a, "b": c', '--prompt', 'x', '--steps', '1', '-o', 'a.png',
                       cwd=self.folder)
        self.check(result, 0)
        text = read_png(self.read('a.png'))[3]['parameters'][1]
        self.assertIn(r', Model: "a, \"b\": c", Version: ', text)

    def test_names(self):
        self.install('models', 'mine')
        self.install('here')
        env = self.environment(GESSO_MODELS_PATH=self.path('models'))
        for name in ('mine', 'here', './here', self.path('models/mine')):
            self.check(gesso('info', '--model', name, cwd=self.folder, env=env), 0)
        self.check(gesso('info', '--model', 'yours', cwd=self.folder, env=env), 1, 'Installed are: ')

    def test_moved_prefix(self):
        """The data folder is found from where the library is, also below a folder of the processor's name."""
        library = os.path.join(os.path.dirname(GESSO), '..', '..', 'engine', 'libgesso.so.0')
        if not os.path.exists(library):
            self.skipTest('the library is elsewhere')
        for libraries in ('lib', 'lib/x86_64-linux-gnu'):
            prefix = self.path(libraries.replace('/', '-'))
            os.makedirs(os.path.join(prefix, libraries))
            shutil.copy(library, os.path.join(prefix, libraries))
            folder = self.install(prefix, 'share', 'gesso', 'models', 'starter')
            result = gesso('models', env=self.environment(LD_LIBRARY_PATH=os.path.join(prefix, libraries)))
            self.check(result, 0)
            self.assertIn(folder.encode() + b'\n', result.stdout)


if __name__ == '__main__':
    main()
